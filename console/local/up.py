"""Everything in one terminal: starts the processes, restarts what dies, ends them in order."""

import signal
from collections.abc import Mapping
from types import FrameType
from uuid import uuid4

from redis.exceptions import RedisError
from sqlalchemy import Engine

from console.local.burial import Mourning
from console.local.children import Child, room_command
from console.local.demo_tools import named_by_an_agent, with_demo_tools
from console.local.stand_in import StandIn, needs_sandbox
from console.local.store import home_is_free
from shared.clock import Clock, SystemClock
from shared.errors import ServiceError
from shared.flag import Flag
from shared.redis.connect import connect_redis
from shared.settings import Settings
from shared.stores import open_database

_STORE_SECONDS = 15.0
_LEFTOVER_SECONDS = 8.0
_END_SECONDS = 25.0  # after its time to drain: hand back, kill who hangs, sign off


class Stopped(Exception):
    """Somebody ended it while it was starting."""


class Up:
    """Owns the processes of this machine. `run` returns once `stop` was called and all have ended."""

    def __init__(
        self, settings: Settings, *, workers: int = 1, quiet: bool = False, clock: Clock | None = None
    ) -> None:
        """Describe it.

        Args:
            workers: how many worker processes.
            quiet: the processes log warnings and errors only, unless WATCHKEEPER_LOG_LEVEL says otherwise.
        """
        self.workers = workers
        self._settings = settings
        self._quiet = quiet
        self._clock = clock or SystemClock()
        self._stopping = Flag()
        self._children: list[Child] = []
        self._engine: Engine | None = None
        self._mourning = Mourning(self._clock)
        self._stand_in: StandIn | None = None
        self.simulated = False

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End everything; a second call hands running jobs back at once. Safe as a signal handler."""
        if self._stopping.is_set():
            for child in self._children:
                if child.name == "supervisor":
                    child.signal(signal.SIGTERM)
        self._stopping.set()

    def start(self) -> None:
        """Start in order: store, database, sandbox when no key is there, scheduler, supervisor.

        Raises:
            ServiceError: one of them cannot start; says what to do.
            Stopped: `stop` was called meanwhile.
        """
        settings, environ = self._settings, dict(self._settings.environ)
        if self._quiet and not environ.get("WATCHKEEPER_LOG_LEVEL"):
            environ["WATCHKEEPER_LOG_LEVEL"] = "warning"
        self._wait_for_home()
        self._start_child("store", "console.local", environ)
        self._wait_for_redis()
        self._engine = open_database(settings, name="watchkeeper-up", pool_size=1)
        if needs_sandbox(self._engine, settings.environ):
            environ |= self._start_sandbox(environ)
            self.simulated = True
        if self.simulated or named_by_an_agent(self._engine):
            environ = with_demo_tools(environ)
        self._start_child("scheduler", "scheduler", environ)
        self._start_supervisor(environ)

    def run(self) -> int:
        """Watch over the processes until stopped; 0, or 1 when one had to be given up."""
        while self.watch():
            self.pause(0.1)
        return 1 if any(child.given_up for child in self._children) else 0

    def watch(self) -> bool:
        """Restart what died; false = it was stopped, or one had to be given up."""
        for child in self._children:
            child.check()
            if child.given_up:
                self._stopping.set()
        if self._engine is not None:
            self._mourning.look(self._engine)
        return not self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond a stop."""
        self._stopping.wait(seconds)

    def close(self) -> None:
        """End the processes: the supervisor with its time to drain, then those that serve it, at last the store."""
        for names in (("supervisor",), ("scheduler", "sandbox"), ("store",)):
            together = [child for child in self._children if child.name in names]
            for child in together:
                child.signal(signal.SIGTERM)
            for child in together:
                patience = self._settings.drain_seconds + _END_SECONDS if child.name == "supervisor" else 10.0
                child.await_end(patience)
        if self._stand_in is not None:
            self._stand_in.close()
        if self._engine is not None:
            self._engine.dispose()

    def _start_child(self, name: str, room: str, environ: Mapping[str, str], *arguments: str) -> None:
        child = Child(
            name, lambda: room_command(room, "--die-with-parent", *arguments), environ=environ, clock=self._clock
        )
        self._children.append(child)
        child.start()

    def _start_supervisor(self, environ: Mapping[str, str]) -> None:
        lives: list[str] = []

        def command() -> list[str]:
            lives.append(str(uuid4()))
            return room_command(
                "workers", "--die-with-parent", "--supervisor", lives[-1], "--processes", str(self.workers)
            )

        def died(_code: int) -> None:
            self._mourning.died(lives[-1])

        child = Child("supervisor", command, environ=environ, clock=self._clock, died=died)
        self._children.append(child)
        child.start()

    def _wait_for_home(self) -> None:
        """The store of an `up` that was killed is about to end; another one's serves that one."""
        home = self._settings.locations.home
        deadline = self._clock.monotonic() + _LEFTOVER_SECONDS
        while self._settings.locations.embedded_redis and not home_is_free(home):
            if self._clock.monotonic() > deadline:
                raise ServiceError(
                    f"another `watchkeeper up` (or `store`) runs in {home}: use that one, or give this one its own "
                    "WATCHKEEPER_HOME"
                )
            self._pause_or_stop()

    def _wait_for_redis(self) -> None:
        url = self._settings.locations.redis_url
        deadline = self._clock.monotonic() + _STORE_SECONDS
        client = connect_redis(url, connections=1)
        try:
            while True:
                try:
                    client.ping()
                    return
                except RedisError as error:
                    self._children[0].check()
                    if self._clock.monotonic() > deadline or self._children[0].given_up:
                        raise ServiceError(f"the store does not answer: {error}") from None
                self._pause_or_stop()
        finally:
            client.close()

    def _pause_or_stop(self) -> None:
        if self._stopping.wait(0.05):
            raise Stopped

    def _start_sandbox(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Start it; the variables that make the scheduler use it."""
        stand_in = self._stand_in = StandIn(environ, self._clock)
        self._children.append(stand_in.child)
        stand_in.child.start()
        deadline = self._clock.monotonic() + _STORE_SECONDS
        while (variables := stand_in.variables()) is None:
            stand_in.child.check()
            if self._clock.monotonic() > deadline or stand_in.child.given_up:
                raise ServiceError("the sandbox provider did not start: see its lines above")
            self._pause_or_stop()
        return variables
