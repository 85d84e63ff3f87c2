"""An idle worker watches the configuration too, so that it is never the late one."""

import asyncio
from typing import Final

from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader

_SECONDS: Final = 1.0


async def watch_configuration(fleet: FleetReader, configuration: Configuration) -> None:
    """Swap to what the doorbell names, until cancelled."""
    while True:
        await configuration.current((await fleet.read()).generation)
        await asyncio.sleep(_SECONDS)
