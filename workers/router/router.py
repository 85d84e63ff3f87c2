"""The loop over candidates: ask, and on a failure decide from the real answer who is asked next."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from shared.classification import Cause, Scope, Verdict
from shared.keystate.canary import Canary
from shared.keystate.standing import Standing, key_model_subject, key_subject, model_subject, provider_subject
from workers.router.aftermath import Aftermath
from workers.router.attempts import Attempts
from workers.router.calls import Answered, Call, Gone, Outcome, Refused, Unserved
from workers.router.configuration import Configuration
from workers.router.fitting import Asked, TooLong, Uncounted
from workers.router.fleet import FleetReader
from workers.router.pick import NoneReady, Picked, pick, reasons
from workers.router.results import Failed
from workers.router.routes import Candidate

log = structlog.get_logger()

_OWN_FAULT: Final = frozenset({Cause.CONTEXT_WINDOW, Cause.CONTENT_POLICY, Cause.BAD_REQUEST})
_TRANSIENT: Final = frozenset({Cause.OVERLOADED, Cause.TIMEOUT, Cause.NETWORK, Cause.UNKNOWN})
_TRANSIENT_ATTEMPTS: Final = 3
_OVER_BUDGET_MS: Final = 2_000  # a call that the fleet's budget lets retry no more comes back after this
_PROBED_ELSEWHERE_MS: Final = 1_000  # look again this soon when another worker is trying what is due


class Router:
    """Serves calls on the newest configuration. One instance per worker process."""

    def __init__(
        self,
        *,
        configuration: Configuration,
        fleet: FleetReader,
        attempts: Attempts,
        aftermath: Aftermath,
        may_start: Callable[[], Awaitable[None]],
        is_open: Callable[[], bool],
    ) -> None:
        """Describe it.

        Args:
            may_start: returns once this process may begin something new (workers.starting).
            is_open: whether it may in this very moment; it may have been stopped in between.
        """
        self._configuration = configuration
        self._fleet = fleet
        self._attempts = attempts
        self._aftermath = aftermath
        self._may_start = may_start
        self._is_open = is_open

    async def serve(self, call: Call) -> Outcome:
        """Try candidates until one answers, the request proves wrong, or nobody is left."""
        tried: frozenset[str] = frozenset()
        probed_elsewhere = False
        too_long: dict[str, TooLong] = {}
        transient = 0
        begins = True
        cause = "no_candidate"
        while True:
            await self._may_start()
            view = await self._fleet.read(begins=begins)
            begins = False
            routes = await self._configuration.current(view.generation)
            agent = routes.agent(call.agent)
            if agent is None:
                return Gone()
            candidates = routes.candidates(call.agent)
            chosen = pick(candidates, view.standings, tried=tried, now_ms=view.now_ms)
            if log.is_enabled_for(logging.DEBUG):
                _explain(candidates, chosen, view.standings, view.now_ms, routes.generation)
            if isinstance(chosen, NoneReady):
                returns_at_ms = chosen.returns_at_ms
                if probed_elsewhere:
                    soon = view.now_ms + _PROBED_ELSEWHERE_MS
                    returns_at_ms = soon if returns_at_ms is None else min(soon, returns_at_ms)
                if too_long and all(candidate.model.id in too_long for candidate in candidates):
                    return _nobody_reads_that_much(too_long)
                return Unserved(cause, (*_lengths(too_long), *chosen.reasons), returns_at_ms)
            asked = call.fitting.fit(chosen.candidate, agent) if call.fitting else Asked(call.messages, {})
            if isinstance(asked, Uncounted):
                assert call.fitting is not None  # noqa: S101 - it is who said so
                await call.fitting.count()
                continue
            if isinstance(asked, TooLong):
                too_long[chosen.candidate.model.id] = asked
                tried |= {model_subject(chosen.candidate.model.id)}
                continue
            canary: Canary | None = None
            if chosen.due:
                timeout = self._attempts.timeout_seconds(call, agent)
                canary = await self._aftermath.may_try(chosen.due, view.standings, timeout_seconds=timeout)
                if canary is None:
                    probed_elsewhere = True
                    tried |= frozenset(chosen.due)
                    continue
            try:
                if canary is not None:
                    seen = (await self._fleet.read()).standings
                    if routes is not self._configuration.routes or _changed(chosen.due, view.standings, seen):
                        # Swapped, or tried by another canary to its end, before the lease was ours: look anew.
                        await self._aftermath.give_up_try(canary)
                        continue
                if not self._is_open():
                    if canary is not None:
                        await self._aftermath.give_up_try(canary)
                    continue
                # Nothing is awaited between `routes` being current and the request's start: an acknowledged
                # generation is never followed by an attempt on an older one.
                outcome = await self._attempts.make(
                    call, agent, chosen.candidate, routes.generation, asked, fleet_now_ms=self._fleet.now_ms
                )
            except asyncio.CancelledError:
                if canary is not None:
                    await asyncio.shield(self._aftermath.give_up_try(canary))
                raise
            if not isinstance(outcome, Failed):
                await self._aftermath.served(chosen.candidate, view.standings, canary=canary)
                return Answered(outcome.reply, chosen.candidate, routes.generation, outcome.cost_usd, asked.trimmed)
            cause = outcome.verdict.cause.value
            if outcome.verdict.cause in _OWN_FAULT:
                if canary is not None:
                    await self._aftermath.give_up_try(canary)
                return Refused(cause, outcome.verdict.advice, outcome.detail)
            if not outcome.cut_short:
                await self._aftermath.failed(outcome.verdict, chosen.candidate, canary=canary)
            elif canary is not None:
                await self._aftermath.give_up_try(canary)
            tried |= _covered(outcome.verdict, chosen.candidate)
            if outcome.verdict.cause not in _TRANSIENT:
                continue
            transient += 1
            if transient >= _TRANSIENT_ATTEMPTS:
                return Unserved(cause, (f"{transient} attempts failed for passing causes, the last: {cause}",), None)
            if not await self._aftermath.may_retry():
                over = ("the fleet has retried enough for passing causes in this minute",)
                return Unserved(cause, over, self._fleet.now_ms() + _OVER_BUDGET_MS)


def _lengths(too_long: dict[str, TooLong]) -> tuple[str, ...]:
    return tuple(
        f"{model}: the conversation has {found.needed} tokens, it reads {found.limit}"
        for model, found in too_long.items()
    )


def _nobody_reads_that_much(too_long: dict[str, TooLong]) -> Refused:
    """No request was made: it would only have been refused."""
    advice = (
        f"The job's own messages are longer than any model of its agent reads ({'; '.join(_lengths(too_long))}). "
        "Shorten them, add a model with a larger context to the agent, or correct `watchkeeper models edit "
        "ID --context-tokens`."
    )
    return Refused(Cause.CONTEXT_WINDOW.value, advice, "")


def _changed(due: tuple[str, ...], before: Mapping[str, Standing], now: Mapping[str, Standing]) -> bool:
    return any(now.get(subject) != before[subject] for subject in due)


def _covered(verdict: Verdict, candidate: Candidate) -> frozenset[str]:
    """What this call need not try again after `verdict`."""
    if verdict.scope in (Scope.PROVIDER, Scope.EGRESS):
        return frozenset({provider_subject(candidate.provider.name)})
    if verdict.scope is Scope.PROVIDER_MODEL or not candidate.key:
        return frozenset({model_subject(candidate.model.id)})
    if verdict.scope in (Scope.KEY, Scope.ACCOUNT):
        return frozenset({key_subject(candidate.key.fingerprint)})
    return frozenset({key_model_subject(candidate.key.fingerprint, candidate.model.id)})


def _explain(
    candidates: tuple[Candidate, ...],
    chosen: Picked | NoneReady,
    standings: Mapping[str, Standing],
    now_ms: int,
    generation: int,
) -> None:
    """In debug mode: every candidate considered, and why it was passed over."""
    picked = chosen.candidate if isinstance(chosen, Picked) else None
    passed = candidates[: candidates.index(picked)] if picked else candidates
    log.debug(
        "router.considered",
        generation=generation,
        picked=f"{picked.label} with {picked.model.id}" if picked else None,
        canary_for=chosen.due if isinstance(chosen, Picked) else (),
        passed=reasons(passed, standings, now_ms=now_ms),
    )
