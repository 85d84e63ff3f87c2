"""An idle worker watches the configuration too, so that it is never the late one."""

import asyncio
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader

log = structlog.get_logger()

_SECONDS: Final = 1.0


async def watch_configuration(fleet: FleetReader, configuration: Configuration) -> None:
    """Swap to what the doorbell names, until cancelled."""
    while True:
        try:
            await configuration.current((await fleet.read()).generation)
        except SQLAlchemyError as error:
            log.warning("config.watch_failed", error=type(error).__name__, advice="SQL does not answer; tried again")
        await asyncio.sleep(_SECONDS)
