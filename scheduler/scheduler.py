"""Builds the parts and lets APScheduler call them, on the leader only."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from scheduler import (
    deadlines,
    doorbell,
    environment_watch,
    key_states,
    leader,
    recycling,
    rescuer,
    stager,
    untold_ends,
)
from scheduler.death_bell import DeathBell
from scheduler.report import Report
from shared.clock import Clock, SystemClock, moment
from shared.config.environment_sync import Sealer
from shared.flag import Flag
from shared.settings import Settings
from shared.stores import Stores, open_stores

log = structlog.get_logger()

_END_SECONDS: Final = 8.0
"""How long the end may take; SQL may be away."""


class Part(Protocol):
    """One thing the scheduler does."""

    def run_once(self, now_ms: int) -> Report:
        """Do it once."""
        ...


class Scheduler:
    """Runs until `stop`; several may run, one leads."""

    def __init__(
        self,
        settings: Settings,
        *,
        directory: Path | None = None,
        clock: Clock | None = None,
        rescue_seconds: float = rescuer.INTERVAL_SECONDS,
    ) -> None:
        """Describe it.

        Args:
            directory: whose `.env` is watched; default: the working directory.
            rescue_seconds: how often the rescuer looks when nobody rings.
        """
        self._settings = settings
        self._rescue_seconds = rescue_seconds
        self._directory = directory or Path.cwd()
        self._clock = clock or SystemClock()
        self._stopping = Flag()
        self._away: set[str] = set()  # parts that SQL refused when they last ran

    def stop(self) -> None:
        """End soon. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> int:
        """Schedule until stopped; 0.

        Raises:
            ServiceError: it cannot start; says what to do.
        """
        stores = open_stores(self._settings, name="watchkeeper-scheduler", pool_size=6)
        leading = leader.Leader(stores.engine, holder=str(uuid4()), clock=self._clock)
        # In an outage parts run longer than their interval: that one is left out is no news, twice a second.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        parts = _parts(stores, self._directory, self._clock, self._settings, self._rescue_seconds)
        timer = BackgroundScheduler(
            timezone=UTC,
            # A thread for each: who waits for a store that hangs must not hold up the leader.
            executors={"default": ThreadPoolExecutor(len(parts) + 1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        timer.add_job(self._guarded("leader", leading), "interval", seconds=leader.RENEW_SECONDS)
        self._guarded("leader", leading)()
        for name, part, seconds in parts:
            run = self._guarded(name, part, leading)
            run()
            timer.add_job(run, "interval", seconds=seconds, id=name)
        timer.start()
        # While it looks it is not called a second time: that ring is lost, and the next look is half a second away.
        bell = DeathBell(
            stores.redis, lambda: timer.modify_job("rescuer", next_run_time=moment(self._clock.now_ms()))
        )
        bell.start()
        log.info("scheduler.ready", leading=leading.leading)
        self._stopping.wait()
        ending = threading.Thread(target=_end, args=(timer, bell, leading, stores), name="ending", daemon=True)
        ending.start()
        ending.join(_END_SECONDS)
        if ending.is_alive():
            log.warning("scheduler.unresigned", advice="a store does not answer; another one leads within 15 s")
        log.info("scheduler.stopped")
        return 0

    def _guarded(self, name: str, part: Part, leading: "leader.Leader | None" = None) -> Callable[[], None]:
        """One bad run must not end a part; an outage of SQL is told once, not twice a second."""

        def run() -> None:
            if leading is not None and not leading.leading:
                return
            try:
                part.run_once(self._clock.now_ms())
            except SQLAlchemyError as error:
                if not self._away:
                    log.error(
                        "scheduler.sql_away",
                        part=name,
                        error=str(error).splitlines()[0],
                        advice="nobody is given up meanwhile; all goes on by itself once the database answers",
                    )
                self._away.add(name)
            except Exception:
                log.exception("scheduler.part_failed", part=name)
            else:
                if name in self._away:
                    self._away.discard(name)
                    if not self._away:
                        log.info("scheduler.sql_back", part=name)

        return run


def _end(timer: BackgroundScheduler, bell: DeathBell, leading: leader.Leader, stores: Stores) -> None:
    bell.stop()
    timer.shutdown(wait=True)
    try:
        leading.resign()
    except SQLAlchemyError as error:
        log.warning("scheduler.unresigned", error=str(error).splitlines()[0], advice="another one leads within 15 s")
    stores.close()


def _parts(
    stores: Stores, directory: Path, clock: Clock, settings: Settings, rescue_seconds: float
) -> list[tuple[str, Part, float]]:
    engine, client = stores.engine, stores.redis
    sealer = Sealer(stores.vault, stores.salt)
    return [
        (
            "environment",
            environment_watch.EnvironmentWatch(engine, client, sealer, directory),
            environment_watch.INTERVAL_SECONDS,
        ),
        ("doorbell", doorbell.Doorbell(engine, client), doorbell.INTERVAL_SECONDS),
        ("key_states", key_states.KeyStates(engine, client), key_states.INTERVAL_SECONDS),
        ("untold_ends", untold_ends.UntoldEnds(engine, client), untold_ends.INTERVAL_SECONDS),
        ("rescuer", rescuer.Rescuer(engine, client, clock), rescue_seconds),
        (
            "recycling",
            recycling.Recycling(engine, client, clock, settings.recycling),
            recycling.INTERVAL_SECONDS,
        ),
        ("stager", stager.Stager(engine, client), stager.INTERVAL_SECONDS),
        ("deadlines", deadlines.Deadlines(engine, client), deadlines.INTERVAL_SECONDS),
    ]
