"""What follows from an attempt: for the fleet in Redis at once, for the story in SQL."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from shared.classification import Verdict
from shared.clock import Clock, moment
from shared.keystate import ledger
from shared.keystate.canary import Canary, clear, return_canary, take_canary
from shared.keystate.plan import BREAKER_WINDOW_MS, Concerned, SetAside, plan
from shared.keystate.retry_budget import spend_retry
from shared.keystate.standing import Standing, model_subject, provider_subject
from shared.keystate.store import set_aside
from workers.journal.notes import TellKeyEvent
from workers.journal.writer import JournalWriter
from workers.router.fleet import FleetReader
from workers.router.routes import Candidate

log = structlog.get_logger()

_PATIENCE_SECONDS = 0.5  # a frozen Redis must not hold up the next attempt
_WINDOW_SECONDS = BREAKER_WINDOW_MS / 1000
_MARGIN_MS = 5_000  # a canary's lease outlives its attempt by this


@dataclass(slots=True)
class _Served:
    count: int
    since: float  # monotonic


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
        self._tries = itertools.count(1)

    async def may_try(
        self, due: tuple[str, ...], standings: Mapping[str, Standing], *, timeout_seconds: float
    ) -> Canary | None:
        """The fleet's one canary for every subject of `due`, as it stands; None when another one tries."""
        if self._fleet.away:
            return None  # what is due waits until Redis is back
        tried = {subject: standings[subject].since_ms for subject in due}
        canary = Canary(f"{self._incarnation}/{next(self._tries)}", tried)
        lease_ms = round(timeout_seconds * 1000) + _MARGIN_MS
        try:
            return canary if await take_canary(self._client, canary, lease_ms=lease_ms) else None
        except (RedisError, OSError) as error:
            log.warning("canary.redis_away", error=str(error), advice="what is due waits until Redis is back")
            return None
        except asyncio.CancelledError:
            await asyncio.shield(self.give_up_try(canary))  # nobody here knows whether it was taken already
            raise

    async def give_up_try(self, canary: Canary) -> None:
        """The canary was not used, or told nothing of its subjects."""
        try:
            await return_canary(self._client, canary)
        except (RedisError, OSError) as error:
            log.debug("canary.return_failed", error=str(error))

    async def may_retry(self) -> bool:
        """False when the fleet has retried enough for passing causes in this minute.

        Without Redis nobody knows: then only the limit of the call itself holds.
        """
        if self._fleet.away:
            return True
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                spending = await spend_retry(self._client)
        except (RedisError, OSError) as error:
            log.debug("router.retry_budget_unknown", error=str(error))
            return True
        if spending.first_refusal:
            log.warning(
                "router.retry_budget_spent",
                calls=spending.calls,
                retries=spending.retries,
                advice="many calls fail for passing causes (see attempt.failed); until the minute is over they wait "
                "instead of retrying at once: look at the provider's status page",
            )
        return spending.allowed

    async def failed(self, verdict: Verdict, candidate: Candidate, *, canary: Canary | None) -> None:
        """Set aside what is to blame, if anything is."""
        concerned = Concerned(
            candidate.key.fingerprint if candidate.key else "",
            candidate.model.id,
            candidate.provider.name,
            self._host,
        )
        order = plan(verdict, concerned, now=moment(self._fleet.now_ms()))
        if order is not None:
            await self._set_aside(order, candidate)
        if canary:
            await self.give_up_try(canary)

    async def served(self, candidate: Candidate, standings: Mapping[str, Standing], *, canary: Canary | None) -> None:
        """An answer came: it speaks for provider and model, and ends the story of what was due."""
        now = self._clock.monotonic()
        for subject in (provider_subject(candidate.provider.name), model_subject(candidate.model.id)):
            seen = self._served.get(subject)
            if seen is None or now - seen.since > _WINDOW_SECONDS:
                self._served[subject] = _Served(1, now)
            else:
                seen.count += 1
        if canary is None:
            return
        try:
            cleared = await clear(self._client, canary)
        except (RedisError, OSError) as error:
            log.warning("key.clear_failed", key=candidate.label, error=str(error))
            return
        if cleared:
            log.info("key.serves_again", key=candidate.label, model=candidate.model.id, subjects=cleared)
        for subject in cleared:
            self._tell(subject, ledger.CLEARED, standings[subject], candidate)

    async def _set_aside(self, order: SetAside, candidate: Candidate) -> None:
        seen = self._served.pop(order.subject, None)
        if seen is not None and self._clock.monotonic() - seen.since > _WINDOW_SECONDS:
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
        now_ms = self._fleet.now_ms()
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
