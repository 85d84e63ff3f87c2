"""One attempt: one request with one key, and what it meant."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from shared.classification import Failure, classify
from shared.clock import Clock, moment
from shared.config.snapshot import Agent
from shared.secret import redact
from workers.llm.call import CallFailed, LlmCalls
from workers.router.calls import Call, Listener
from workers.router.fitting import Asked
from workers.router.prices import Prices
from workers.router.results import Failed, Served, row
from workers.router.routes import Candidate

log = structlog.get_logger()


class Attempts:
    """Makes attempts and writes each down on its call."""

    def __init__(self, *, calls: LlmCalls, prices: Prices, clock: Clock) -> None:
        self._calls = calls
        self._prices = prices
        self._clock = clock

    def timeout_seconds(self, call: Call, agent: Agent) -> float:
        """How long an attempt may take: the agent's limit, or what is left until the job's deadline."""
        if call.deadline_ms is None:
            return agent.timeout_seconds
        left = (call.deadline_ms - self._clock.now_ms()) / 1000
        return max(0.05, min(agent.timeout_seconds, left))

    async def make(
        self,
        call: Call,
        agent: Agent,
        candidate: Candidate,
        generation: int,
        asked: Asked,
        *,
        fleet_now_ms: Callable[[], int],
    ) -> Served | Failed:
        """Ask the candidate once.

        Args:
            asked: the call as it fits this one.
            fleet_now_ms: the clock of the standings, for an end that the provider states.
        """
        started_at, begun = self._clock.now_ms(), self._clock.monotonic()
        timeout = self.timeout_seconds(call, agent)
        outcome: Served | Failed
        failure: Failure | None = None
        heard = _Heard(call.listener) if call.listener is not None else None
        try:
            reply = await self._calls.call(
                kind=candidate.provider.kind,
                remote_name=candidate.model.remote_name,
                api_base=candidate.provider.api_base,
                secret=candidate.secret,
                messages=asked.messages,
                parameters={**_parameters(agent, call.tools), **asked.parameters},
                timeout_seconds=timeout,
                on_text=heard.hear if heard is not None else None,
            )
            request_id = reply.request_id
            outcome = Served(reply, self._prices.cost_usd(candidate, reply.input_tokens, reply.output_tokens))
        except CallFailed as failed:
            failure, request_id = failed.failure, failed.request_id
            outcome = Failed(
                classify(failure, moment(fleet_now_ms())),
                _detail(failure, candidate),
                cut_short=failure.kind == "timeout" and timeout < agent.timeout_seconds,
                heard=heard is not None and heard.anything,
            )
        except asyncio.CancelledError:
            # Whatever cut it off: the provider may charge for it.
            duration_ms = round((self._clock.monotonic() - begun) * 1000)
            call.attempts.append(row(call, candidate, generation, None, None, started_at, duration_ms))
            raise
        duration_ms = round((self._clock.monotonic() - begun) * 1000)
        call.attempts.append(row(call, candidate, generation, outcome, failure, started_at, duration_ms))
        if isinstance(outcome, Failed):
            log.warning(
                "attempt.failed",
                agent=call.agent,
                provider=candidate.provider.name,
                model=candidate.model.id,
                key=candidate.label,
                cause=outcome.verdict.cause.value,
                scope=outcome.verdict.scope.value,
                rule=outcome.verdict.rule,
                status=failure.status if failure else None,
                request_id=request_id,
                in_mid_stream=outcome.heard,
                ms=duration_ms,
                advice=outcome.verdict.advice,
            )
            if call.listener is not None and outcome.heard:
                call.listener.void(f"{candidate.provider.name} broke off ({outcome.verdict.cause.value})")
        else:
            log.debug(
                "attempt.made",
                provider=candidate.provider.name,
                model=candidate.model.id,
                key=candidate.label,
                request_id=request_id,
                ms=duration_ms,
            )
        return outcome


class _Heard:
    """Passes a reply on, and remembers whether there was any of it."""

    __slots__ = ("_listener", "anything")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.anything = False

    def hear(self, piece: str) -> None:
        self.anything = True
        self._listener.text(piece)


def _parameters(agent: Agent, tools: list[dict[str, Any]]) -> Mapping[str, Any]:
    chosen = {
        "temperature": agent.temperature,
        "top_p": agent.top_p,
        "max_tokens": agent.max_tokens,
        "tools": tools or None,
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _detail(failure: Failure, candidate: Candidate) -> str:
    """The provider's words without credentials: some repeat the key, and not every key has a known shape."""
    words = (failure.body or failure.local_error)[:8000]
    if candidate.secret is not None:
        words = words.replace(candidate.secret.reveal(), str(candidate.secret))
    return redact(words)[:2000]  # cut last: half a key has no shape
