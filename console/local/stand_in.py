"""The sandbox as the provider of an installation that has no key yet."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine, func, select

from console.local.children import Child, room_command
from shared.clock import Clock
from shared.config.catalogue import SANDBOX
from shared.config.environment_keys import environment_providers
from shared.db.reading import reading
from shared.db.tables import providers


def needs_sandbox(engine: Engine, environ: Mapping[str, str]) -> bool:
    """No real provider is configured anywhere: the demo runs against the sandbox."""
    if set(environment_providers(environ)) - {SANDBOX}:
        return False
    with reading(engine) as connection:
        configured = connection.execute(
            select(func.count())
            .select_from(providers)
            .where(providers.c.source == "database", providers.c.active, providers.c.name != SANDBOX)
        ).scalar_one()
    return not configured


class StandIn:
    """Its process: `child` is yours to start."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="watchkeeper-")
        self._port_file = Path(self._folder.name) / "sandbox.port"
        self._port = "0"
        self.child = Child("sandbox", self._command, environ=environ, clock=clock, ties=True, mute=True)

    def variables(self) -> dict[str, str] | None:
        """What makes the scheduler use it; None until it answers."""
        if not self._port_file.exists():
            return None
        self._port = self._port_file.read_text().strip()  # after a crash it comes back on the same port
        base = f"http://127.0.0.1:{self._port}/openai/v1"
        return {"SANDBOX_API_BASE": base, "SANDBOX_API_KEY": f"sandbox-key-{os.getpid()}"}

    def close(self) -> None:
        """Its process has ended; nothing is left on the disk."""
        self._folder.cleanup()

    def _command(self) -> list[str]:
        return room_command("sandbox", "--lifelike", "--port", self._port, "--port-file", str(self._port_file))
