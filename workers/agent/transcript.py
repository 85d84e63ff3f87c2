"""The conversation of one job: what was there before, what was asked, what the journal already holds."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from shared.config.snapshot import Agent
from workers.journal.records import Attempt, ClaimedJob, Step

log = structlog.get_logger()

LLM: Final = "llm"
TOOL: Final = "tool"


@dataclass(slots=True)
class Transcript:
    """Messages in order, and the finished steps still to be replayed before anything new is paid for."""

    journal: tuple[Step, ...]
    messages: list[dict[str, Any]] = field(default_factory=list)
    done: int = 0
    fresh: list[Step] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    served_by: dict[str, Any] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0

    def open(self, job: ClaimedJob, agent: Agent) -> None:
        """Begin with what was there before the first step."""
        system = [{"role": "system", "content": agent.system_prompt}] if agent.system_prompt else []
        self.messages = [*system, *job.history, *job.messages]

    def replayed(self, kind: str, request_hash: str, job_id: str) -> Step | None:
        """The journal's next step, when there is one; it joins the conversation without being run again."""
        if self.done >= len(self.journal):
            return None
        step = self.journal[self.done]
        if step.kind != kind or step.request_hash != request_hash:
            # The agent was edited while the job ran. What was paid for stays: it is never paid for again.
            log.info("journal.request_changed", job=job_id, step=step.number)
        self._take(step)
        return step

    def add(self, step: Step) -> None:
        """A step just finished; it is written before the next begins."""
        self.fresh.append(step)
        self._take(step)

    def unwritten(self) -> tuple[tuple[Step, ...], tuple[Attempt, ...]]:
        """Steps and attempts to be written now; they are not handed out twice."""
        taken = tuple(self.fresh), tuple(self.attempts)
        self.fresh.clear()
        self.attempts.clear()
        return taken

    def _take(self, step: Step) -> None:
        self.done = step.number
        self.messages.append(step.message)
        if step.kind == LLM:
            self.served_by = step.served_by
            self.input_tokens += step.input_tokens or 0
            self.output_tokens += step.output_tokens or 0
            unknown = self.cost_usd is None or step.cost_usd is None
            self.cost_usd = None if unknown else (self.cost_usd or 0.0) + (step.cost_usd or 0.0)


def request_hash(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
    """Names what is asked: SHA-256 of the messages and the tools offered."""
    return hashlib.sha256(json.dumps([messages, tools], sort_keys=True).encode()).hexdigest()
