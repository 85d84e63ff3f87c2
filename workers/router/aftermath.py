"""What follows from an attempt: for the fleet in Redis at once, for the story in SQL."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from shared.classification import Verdict
from shared.clock import Clock, moment
from shared.keystate import ledger
from shared.keystate.plan import BREAKER_WINDOW_MS, Concerned, SetAside, plan
from shared.keystate.standing import Standing, model_subject, provider_subject
from shared.keystate.store import clear, return_canary, set_aside, take_canary
from workers.journal.notes import TellKeyEvent
from workers.journal.writer import JournalWriter
from workers.router.fleet import FleetReader
from workers.router.routes import Candidate

log = structlog.get_logger()

_PATIENCE_SECONDS = 0.5  # a frozen Redis must not hold up the next attempt
_MARGIN_MS = 5_000  # a canary's lease outlives its attempt by this


@dataclass(slots=True)
class _Served:
    count: int
    since_ms: int


class Aftermath:
    """Sets aside, brings back, and counts what speaks against a breaker."""

    def __init__(
        self,
        *,
        client: "redis.asyncio.Redis",
        fleet: FleetReader,
        writer: JournalWriter,
        incarnation: str,
        host: str,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` gives a number from 0 to 1; it spreads the ends."""
        self._client = client
        self._fleet = fleet
        self._writer = writer
        self._incarnation = incarnation
        self._host = host
        self._clock = clock
        self._jitter = jitter
        self._served: dict[str, _Served] = {}
        self._telling: set[asyncio.Task[None]] = set()

    async def may_try(self, due: tuple[str, ...], *, timeout_seconds: float) -> bool:
        """True when this call is the fleet's one canary for every subject of `due`."""
        if self._fleet.away:
            return False  # what is due waits until Redis is back
        taken: list[str] = []
        lease_ms = round(timeout_seconds * 1000) + _MARGIN_MS
        try:
            for subject in due:
                if not await take_canary(self._client, subject, holder=self._incarnation, lease_ms=lease_ms):
                    if taken:
                        await return_canary(self._client, *taken)
                    return False
                taken.append(subject)
        except (RedisError, OSError) as error:
            log.warning("canary.redis_away", error=str(error), advice="what is due waits until Redis is back")
            return False
        return True

    async def give_up_try(self, due: tuple[str, ...]) -> None:
        """The canary was not used, or told nothing of its subjects."""
        try:
            await return_canary(self._client, *due)
        except (RedisError, OSError) as error:
            log.debug("canary.return_failed", error=str(error))

    async def failed(self, verdict: Verdict, candidate: Candidate, *, due: tuple[str, ...]) -> None:
        """Set aside what is to blame, if anything is."""
        concerned = Concerned(
            candidate.key.fingerprint if candidate.key else "",
            candidate.model.id,
            candidate.provider.name,
            self._host,
        )
        order = plan(verdict, concerned, now=moment(self._clock.now_ms()))
        if order is not None:
            await self._set_aside(order, candidate)
        if due:
            await self.give_up_try(due)

    async def served(self, candidate: Candidate, standings: dict[str, Standing], *, due: tuple[str, ...]) -> None:
        """An answer came: it speaks for provider and model, and ends the story of what was due."""
        now_ms = self._clock.now_ms()
        for subject in (provider_subject(candidate.provider.name), model_subject(candidate.model.id)):
            seen = self._served.get(subject)
            if seen is None or now_ms - seen.since_ms > BREAKER_WINDOW_MS:
                self._served[subject] = _Served(1, now_ms)
            else:
                seen.count += 1
        if not due:
            return
        try:
            await clear(self._client, *due)
        except (RedisError, OSError) as error:
            log.warning("key.clear_failed", key=candidate.label, error=str(error))
            return
        log.info("key.serves_again", key=candidate.label, model=candidate.model.id, subjects=due)
        for subject in due:
            self._tell(subject, ledger.CLEARED, standings[subject], candidate)

    async def _set_aside(self, order: SetAside, candidate: Candidate) -> None:
        seen = self._served.pop(order.subject, None)
        if seen is not None and self._clock.now_ms() - seen.since_ms > BREAKER_WINDOW_MS:
            seen = None  # what was served long ago says nothing about now
        standing = await self._tell_fleet(order, seen.count if seen else 0)
        if standing is None:
            return
        log.warning(
            "key.set_aside",
            key=candidate.label,
            subject=order.subject,
            state=standing.state.value,
            cause=order.cause,
            until_ms=standing.until_ms,
            strikes=standing.strikes,
            advice=order.advice,
        )
        self._tell(order.subject, ledger.SET_ASIDE, standing, candidate)

    async def _tell_fleet(self, order: SetAside, served: int) -> Standing | None:
        """The standing, when this call is the first to set the subject aside."""
        if not self._fleet.away:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    first, standing = await set_aside(self._client, order, jitter=self._jitter(), served=served)
            except (RedisError, OSError) as error:
                log.warning("key.set_aside_untold", subject=order.subject, error=str(error) or "no answer in time")
            else:
                return standing if first else None
        if order.failures > 1:
            return None  # a breaker is the fleet's to count
        now_ms = self._clock.now_ms()
        until_ms = order.until_ms if order.until_ms is not None else now_ms + order.base_ms
        standing = Standing(order.state, until_ms, now_ms, 1, order.cause, order.advice)
        self._fleet.note(order.subject, standing)
        return standing

    def _tell(self, subject: str, event: str, standing: Standing, candidate: Candidate) -> None:
        """Into SQL, beside the job: should this process die first, the scheduler finds it in Redis."""

        async def write() -> None:
            await self._writer.do(TellKeyEvent(subject, event, standing, candidate.label, self._incarnation))

        task = asyncio.get_running_loop().create_task(write())
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: "asyncio.Task[None]") -> None:
        self._telling.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("key.event_unwritten", error=str(task.exception()), advice="the scheduler writes it down")
