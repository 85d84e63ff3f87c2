"""Builds the parts and lets APScheduler call them, on the leader only."""

import threading
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from scheduler import deadlines, doorbell, environment_watch, key_states, leader, recycling, rescuer, stager
from scheduler.report import Report
from shared.clock import Clock, SystemClock
from shared.config.environment_sync import Sealer
from shared.settings import Settings
from shared.stores import Stores, open_stores

log = structlog.get_logger()


class Part(Protocol):
    """One thing the scheduler does."""

    def run_once(self, now_ms: int) -> Report:
        """Do it once."""
        ...


class Scheduler:
    """Runs until `stop`; several may run, one leads."""

    def __init__(self, settings: Settings, *, directory: Path | None = None, clock: Clock | None = None) -> None:
        self._settings = settings
        self._directory = directory or Path.cwd()
        self._clock = clock or SystemClock()
        self._stopping = threading.Event()
        self._away = False

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
        timer = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        timer.add_job(self._guarded("leader", leading), "interval", seconds=leader.RENEW_SECONDS)
        self._guarded("leader", leading)()
        for name, part, seconds in _parts(stores, self._directory, self._clock, self._settings):
            run = self._guarded(name, part, leading)
            run()
            timer.add_job(run, "interval", seconds=seconds, id=name)
        timer.start()
        log.info("scheduler.ready", leading=leading.leading)
        self._stopping.wait()
        timer.shutdown(wait=True)
        leading.resign()
        stores.close()
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
                    log.error("scheduler.sql_away", part=name, error=str(error).splitlines()[0])
                self._away = True
            except Exception:
                log.exception("scheduler.part_failed", part=name)
            else:
                if self._away:
                    log.info("scheduler.sql_back", part=name)
                self._away = False

        return run


def _parts(stores: Stores, directory: Path, clock: Clock, settings: Settings) -> list[tuple[str, Part, float]]:
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
        ("rescuer", rescuer.Rescuer(engine, client, clock), rescuer.INTERVAL_SECONDS),
        (
            "recycling",
            recycling.Recycling(engine, client, clock, settings.recycling),
            recycling.INTERVAL_SECONDS,
        ),
        ("stager", stager.Stager(engine, client), stager.INTERVAL_SECONDS),
        ("deadlines", deadlines.Deadlines(engine, client), deadlines.INTERVAL_SECONDS),
    ]
