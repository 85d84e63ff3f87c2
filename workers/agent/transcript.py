"""The conversation of one job: what was there before, what was asked, what the journal already holds."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from shared.config.snapshot import Agent
from workers.agent.counting import Counts
from workers.journal.records import Attempt, ClaimedJob, Step

log = structlog.get_logger()

LLM: Final = "llm"
TOOL: Final = "tool"


@dataclass(slots=True)
class Transcript:
    """Messages in order, and the finished steps still to be replayed before anything new is paid for.

    A step's number is its place in the conversation. Tools of one turn run side by side, so the journal may hold a
    later one and miss an earlier: `last` is how far the conversation goes, `done` how many steps are finished.
    """

    journal: tuple[Step, ...]
    messages: list[dict[str, Any]] = field(default_factory=list)
    last: int = 0
    fresh: list[Step] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    served_by: dict[str, Any] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    history_at: int = 0
    own_at: int = 0
    counts: Counts = field(default_factory=Counts)
    _finished: dict[int, Step] = field(init=False)

    def __post_init__(self) -> None:
        self._finished = {step.number: step for step in self.journal}

    @property
    def done(self) -> int:
        """Finished steps, those of the journal included."""
        return len(self._finished)

    def open(self, job: ClaimedJob, agent: Agent) -> None:
        """Begin with what was there before the first step."""
        system = [{"role": "system", "content": agent.system_prompt}] if agent.system_prompt else []
        self.messages = [*system, *job.history, *job.messages]
        self.history_at, self.own_at = len(system), len(system) + len(job.history)

    def finished(self, number: int, kind: str, request_hash: str, job_id: str) -> Step | None:
        """Step `number`, when it is finished: it is not run again."""
        step = self._finished.get(number)
        if step is not None and (step.kind != kind or step.request_hash != request_hash):
            # The agent was edited while the job ran. What was paid for stays: it is never paid for again.
            log.info("journal.request_changed", job=job_id, step=number)
        return step

    def replayed(self, kind: str, request_hash: str, job_id: str) -> Step | None:
        """The next step, when the journal has it; it joins the conversation without being run again."""
        step = self.finished(self.last + 1, kind, request_hash, job_id)
        if step is not None:
            self.join(step)
        return step

    def add(self, step: Step) -> None:
        """The next step just finished; it is written before the one after it begins."""
        self.keep(step)
        self.join(step)

    def keep(self, step: Step) -> None:
        """A step just finished, perhaps before others of its turn: to be written, and to join when its turn is."""
        self.fresh.append(step)
        self._finished[step.number] = step

    def join(self, step: Step) -> None:
        """The step takes its place in the conversation, behind the last one."""
        self.last = step.number
        self.messages.append(readable(step.message))
        if step.kind == LLM:
            self.served_by = step.served_by
            self.input_tokens += step.input_tokens or 0
            self.output_tokens += step.output_tokens or 0
            unknown = self.cost_usd is None or step.cost_usd is None
            self.cost_usd = None if unknown else (self.cost_usd or 0.0) + (step.cost_usd or 0.0)

    def unwritten(self) -> tuple[tuple[Step, ...], tuple[Attempt, ...]]:
        """Steps and attempts to be written now; they are not handed out twice."""
        taken = tuple(self.fresh), tuple(self.attempts)
        self.fresh.clear()
        self.attempts.clear()
        return taken


def readable(message: dict[str, Any]) -> dict[str, Any]:
    """The message as it may be sent back: tool arguments that are no JSON object break some providers' formats."""
    calls = message.get("tool_calls")
    if not calls or all(_is_object(call["function"]["arguments"]) for call in calls):
        return message
    return {**message, "tool_calls": [_with_readable_arguments(call) for call in calls]}


def _with_readable_arguments(call: dict[str, Any]) -> dict[str, Any]:
    given = call["function"]["arguments"]
    if _is_object(given):
        return call
    shown = json.dumps({"not_a_json_object": str(given)[:1000]}) if given else "{}"
    return {**call, "function": {**call["function"], "arguments": shown}}


def _is_object(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (TypeError, ValueError, RecursionError):
        return False


def request_hash(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
    """Names what is asked: SHA-256 of the messages and the tools offered."""
    return hashlib.sha256(json.dumps([messages, tools], sort_keys=True).encode()).hexdigest()
