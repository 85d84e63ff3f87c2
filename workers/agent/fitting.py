"""Makes a job's next question fit each model it may go to: short enough, and with the schema said its way."""

import asyncio
from typing import Any

import structlog

from shared.config.snapshot import Agent
from workers.agent.counting import bound
from workers.agent.model_facts import ModelFacts
from workers.agent.schema_asking import ask_for_schema, with_instruction
from workers.agent.transcript import Transcript
from workers.agent.trimming import room_to_read, trim
from workers.router.fitting import Asked, TooLong, Uncounted
from workers.router.routes import Candidate

log = structlog.get_logger()


class StepFitting:
    """The `Fitting` of one LLM step. Counts stay with the transcript for the steps after it."""

    def __init__(self, facts: ModelFacts, transcript: Transcript, tools: list[dict[str, Any]]) -> None:
        self._facts = facts
        self._transcript = transcript
        self._messages = transcript.messages
        self._tools = tools
        self._bound: int | None = None

    def fit(self, candidate: Candidate, agent: Agent) -> Asked | TooLong | Uncounted:
        """The request for this candidate."""
        parameters: dict[str, Any] = {}
        instruction = ""
        if agent.output_schema is not None:
            parameters, instruction = ask_for_schema(
                agent.output_schema, candidate, self._facts.formats(candidate), with_tools=bool(self._tools)
            )
        context = self._facts.context_tokens(candidate)
        if context is None:
            return Asked(with_instruction(self._messages, instruction), parameters)
        limit = room_to_read(context, agent.max_tokens)
        if self._at_most() + len(instruction.encode()) <= limit:
            return Asked(with_instruction(self._messages, instruction), parameters)
        return self._cut(candidate, limit, parameters, instruction)

    async def count(self) -> None:
        """Count in a thread: a long conversation takes longer than the event loop may stand still."""
        await asyncio.to_thread(self._transcript.counts.add, self._facts.encode, list(self._messages), self._tools)

    def _at_most(self) -> int:
        if self._bound is None:
            self._bound = bound(self._messages) + (bound(self._tools) if self._tools else 0)
        return self._bound

    def _cut(
        self, candidate: Candidate, limit: int, parameters: dict[str, Any], instruction: str
    ) -> Asked | TooLong | Uncounted:
        counts = self._transcript.counts
        if counts.tools is None or len(counts.messages) < len(self._messages):
            return Uncounted()
        margin = self._facts.margin(candidate)
        beside = counts.tools + len(instruction.encode()) // 2
        cut = trim(
            self._messages,
            counts.messages,
            history_at=self._transcript.history_at,
            own_at=self._transcript.own_at,
            limit=int(limit / margin) - beside,
            bound=bound,
        )
        if isinstance(cut, int):
            return TooLong(int((cut + beside) * margin), limit)
        if cut.touched:
            log.debug(
                "conversation.trimmed",
                model=candidate.model.id,
                messages=cut.touched,
                of=len(self._messages),
                limit_tokens=limit,
            )
        return Asked(with_instruction(cut.messages, instruction), parameters, cut.touched)
