"""The worker's own proof that it is still believed alive (DESIGN 1)."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from shared.clock import Clock
from shared.settings import HEARTBEAT_SECONDS, LEASE_SECONDS
from workers.journal.notes import Heartbeat
from workers.journal.writer import JournalWriter
from workers.vitals import VitalSigns

log = structlog.get_logger()


class Lease:
    """Valid for LEASE_SECONDS after the last stored heartbeat was begun, on the monotonic clock.

    The rescuer gives a worker up after DEAD_AFTER_SECONDS, which is longer: when others may take its jobs, this
    process has already stopped starting anything.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._valid_until = float("-inf")
        self._renewed = asyncio.Event()
        self.fenced = False

    @property
    def valid(self) -> bool:
        """True while others surely believe this worker alive."""
        return not self.fenced and self._clock.monotonic() < self._valid_until

    def renew(self, begun: float) -> None:
        """A heartbeat begun at `begun` (monotonic seconds) was stored."""
        self._valid_until = begun + LEASE_SECONDS
        self._renewed.set()

    def fence(self) -> None:
        """This incarnation was given up: nothing it does counts any more."""
        self.fenced = True
        self._renewed.set()

    async def may_start(self) -> None:
        """Return once something new may be started.

        Raises:
            Fenced: others have our jobs; stop.
        """
        waited = False
        while not self.fenced and self._clock.monotonic() >= self._valid_until:
            if not waited and self._valid_until > float("-inf"):  # before the first heartbeat there was none
                log.warning("lease.expired", advice="no heartbeat could be stored; nothing new starts until one is")
            waited = True
            self._renewed.clear()
            await self._renewed.wait()
        if self.fenced:
            raise Fenced


class Fenced(Exception):
    """This incarnation was given up by the rescuer."""


async def keep_alive(
    *,
    writer: JournalWriter,
    lease: Lease,
    clock: Clock,
    incarnation: str,
    running: Callable[[], int],
    generation: Callable[[], int],
    fenced: Callable[[], None],
    swapped: asyncio.Event,
    vitals: VitalSigns,
    jobs_done: Callable[[], int],
    draining: Callable[[], bool],
) -> None:
    """Write heartbeats until cancelled, or until told that this incarnation was given up.

    A heartbeat carries the worker's vitals and the generation it runs on, which is its acknowledgement (Configuration
    says why that is true); after a swap it is written at once, for somebody waits for it.
    """
    refused = False
    while True:
        swapped.clear()
        begun = clock.monotonic()
        seen = vitals.read()
        heartbeat = Heartbeat(
            incarnation,
            generation(),
            running(),
            jobs_done(),
            seen.rss_mb,
            seen.connections,
            seen.loop_lag_ms,
            draining(),
        )
        try:
            alive = await writer.do(heartbeat)
        except Exception as error:  # no outage, which is waited for: the tables or our rights are not as they were
            if not refused:
                log.error(
                    "worker.heartbeat_refused",
                    error=f"{type(error).__name__}: {error}",
                    advice="nothing new starts here until the database takes heartbeats again: is it being restored "
                    "or migrated, or were rights taken away?",
                )
            refused = True
        else:
            if not alive:
                log.error("worker.fenced", advice="this worker was given up while it could not be heard; it ends now")
                lease.fence()
                fenced()
                return
            refused = False
            lease.renew(begun)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await swapped.wait()
