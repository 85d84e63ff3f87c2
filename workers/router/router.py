"""The loop over candidates: ask, and on a failure decide from the real answer who is asked next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from shared.classification import Cause, Failure, Scope, Verdict, classify
from shared.clock import Clock, moment
from shared.config.snapshot import Agent
from shared.keystate.plan import plan
from shared.keystate.store import FleetView, clear, set_aside
from shared.secret import redact
from workers.journal.records import Attempt
from workers.llm.call import CallFailed, LlmCalls, Reply
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.router.pick import NoneReady, pick, provider_subject
from workers.router.prices import Prices
from workers.router.routes import Candidate, Routes

log = structlog.get_logger()

_OWN_FAULT: Final = frozenset({Cause.CONTEXT_WINDOW, Cause.CONTENT_POLICY, Cause.BAD_REQUEST})
_TRANSIENT: Final = frozenset({Cause.OVERLOADED, Cause.TIMEOUT, Cause.NETWORK, Cause.UNKNOWN})
_TRANSIENT_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Answered:
    """A model replied."""

    reply: Reply
    candidate: Candidate
    generation: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The request itself is at fault: no other key is tried."""

    cause: str
    advice: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unserved:
    """Nobody could answer now. `returns_at_ms` None = nobody knows when; `cause` is the last real one."""

    cause: str
    reasons: tuple[str, ...]
    returns_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The agent is no longer configured."""


Outcome = Answered | Refused | Unserved | Gone


@dataclass(slots=True)
class Call:
    """One LLM call of a job: what is asked, and the attempts it took so far (they belong into the journal)."""

    agent: str
    step: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    deadline_ms: int | None
    attempts: list[Attempt] = field(default_factory=list)


class Router:
    """Serves calls on the newest configuration. One instance per worker process."""

    def __init__(
        self,
        *,
        configuration: Configuration,
        fleet: FleetReader,
        client: "redis.asyncio.Redis",
        calls: LlmCalls,
        prices: Prices,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` gives a number from 0 to 1; it spreads the ends of quarantines."""
        self._configuration = configuration
        self._fleet = fleet
        self._client = client
        self._calls = calls
        self._prices = prices
        self._clock = clock
        self._jitter = jitter

    async def serve(self, call: Call) -> Outcome:
        """Try candidates until one answers, the request proves wrong, or nobody is left."""
        tried: frozenset[str] = frozenset()
        transient = 0
        cause = "no_candidate"
        while True:
            view = await self._fleet.read()
            routes = await self._configuration.current(view.generation)
            agent = routes.agent(call.agent)
            if agent is None:
                return Gone()
            chosen = pick(routes.candidates(call.agent), view.standings, tried=tried, now_ms=view.now_ms)
            if isinstance(chosen, NoneReady):
                return Unserved(cause, chosen.reasons, chosen.returns_at_ms)
            outcome = await self._attempt(call, agent, chosen.candidate, routes)
            if isinstance(outcome, Reply):
                await self._served_again(chosen.candidate, view)
                last = call.attempts[-1]
                return Answered(outcome, chosen.candidate, routes.generation, last.cost_usd)
            verdict, failure = outcome
            cause = verdict.cause.value
            if verdict.cause in _OWN_FAULT:
                return Refused(cause, verdict.advice, _detail(failure, chosen.candidate))
            await self._set_aside(verdict, chosen.candidate)
            tried |= _covered(verdict, chosen.candidate)
            transient += verdict.cause in _TRANSIENT
            if transient >= _TRANSIENT_ATTEMPTS:
                return Unserved(cause, (f"{transient} attempts failed for passing causes, the last: {cause}",), None)

    async def _attempt(
        self, call: Call, agent: Agent, candidate: Candidate, routes: Routes
    ) -> Reply | tuple[Verdict, Failure]:
        started_at = self._clock.now_ms()
        begun = self._clock.monotonic()
        timeout = agent.timeout_seconds
        if call.deadline_ms is not None:
            timeout = max(0.05, min(timeout, (call.deadline_ms - started_at) / 1000))
        reply: Reply | None = None
        verdict: Verdict | None = None
        failure: Failure | None = None
        try:
            reply = await self._calls.call(
                kind=candidate.provider.kind,
                remote_name=candidate.model.remote_name,
                api_base=candidate.provider.api_base,
                secret=candidate.secret,
                messages=call.messages,
                parameters=_parameters(agent, call.tools),
                timeout_seconds=timeout,
            )
        except CallFailed as failed:
            failure = failed.failure
            verdict = classify(failure, moment(self._clock.now_ms()))
        duration_ms = round((self._clock.monotonic() - begun) * 1000)
        cost = None
        if reply is not None:
            cost = self._prices.cost_usd(candidate, reply.input_tokens, reply.output_tokens)
        call.attempts.append(
            Attempt(
                step=call.step,
                provider=candidate.provider.name,
                model=candidate.model.id,
                key_label=candidate.label,
                key_mask=candidate.key.mask if candidate.key else "",
                key_fingerprint=candidate.key.fingerprint if candidate.key else "",
                generation=routes.generation,
                cause=verdict.cause.value if verdict else None,
                status=failure.status if failure else 200,
                detail=_detail(failure, candidate) if failure else None,
                started_at=started_at,
                duration_ms=duration_ms,
                input_tokens=reply.input_tokens if reply else None,
                output_tokens=reply.output_tokens if reply else None,
                cost_usd=cost,
            )
        )
        if reply is not None:
            return reply
        assert verdict is not None and failure is not None  # noqa: S101 - one of the two always came
        log.warning(
            "attempt.failed",
            agent=call.agent,
            provider=candidate.provider.name,
            model=candidate.model.id,
            key=candidate.label,
            cause=verdict.cause.value,
            scope=verdict.scope.value,
            status=failure.status,
            ms=duration_ms,
            advice=verdict.advice,
        )
        return verdict, failure

    async def _set_aside(self, verdict: Verdict, candidate: Candidate) -> None:
        order = plan(
            verdict,
            fingerprint=candidate.key.fingerprint if candidate.key else "",
            model_id=candidate.model.id,
            now=moment(self._clock.now_ms()),
        )
        if order is None:
            return
        try:
            first, standing = await set_aside(self._client, order, jitter=self._jitter())
        except (RedisError, OSError) as error:
            log.error("key.set_aside_failed", key=candidate.label, cause=order.cause, error=str(error))
            return
        if first:
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

    async def _served_again(self, candidate: Candidate, view: FleetView) -> None:
        """An answer ends the story of a subject whose time aside had run out."""
        lingering = [subject for subject in candidate.subjects if subject in view.standings]
        if not lingering:
            return
        try:
            await clear(self._client, *lingering)
        except (RedisError, OSError) as error:
            log.warning("key.clear_failed", key=candidate.label, error=str(error))
            return
        log.info("key.serves_again", key=candidate.label, model=candidate.model.id)


def _parameters(agent: Agent, tools: list[dict[str, Any]]) -> Mapping[str, Any]:
    chosen = {
        "temperature": agent.temperature,
        "top_p": agent.top_p,
        "max_tokens": agent.max_tokens,
        "tools": tools or None,
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _covered(verdict: Verdict, candidate: Candidate) -> frozenset[str]:
    """What this call need not try again after `verdict`."""
    if verdict.scope in (Scope.PROVIDER, Scope.EGRESS):
        return frozenset({provider_subject(candidate.provider.name)})
    if verdict.scope is Scope.PROVIDER_MODEL or not candidate.key:
        return frozenset({f"model:{candidate.model.id}"})
    if verdict.scope in (Scope.KEY, Scope.ACCOUNT):
        return frozenset({f"key:{candidate.key.fingerprint}"})
    return frozenset({f"key_model:{candidate.key.fingerprint}:{candidate.model.id}"})


def _detail(failure: Failure, candidate: Candidate) -> str:
    """The provider's words without credentials: some repeat the key, and not every key has a known shape."""
    words = (failure.body or failure.local_error)[:8000]
    if candidate.secret is not None:
        words = words.replace(candidate.secret.reveal(), str(candidate.secret))
    return redact(words)[:2000]  # cut last: half a key has no shape
