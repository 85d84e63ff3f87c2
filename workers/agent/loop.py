"""One job from claim to ending. Expected endings are returned values; the caller stores them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from workers.agent.transcript import LLM, TOOL, Transcript, request_hash
from workers.journal.records import ClaimedJob, Step
from workers.router.configuration import Configuration
from workers.router.router import Answered, Call, Gone, Refused, Router, Unserved
from workers.tools.registry import Tool, run_tool


@dataclass(frozen=True, slots=True)
class Completed:
    """The agent answered."""

    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """The job cannot succeed; the message says why and what to do."""

    cause: str
    message: str


@dataclass(frozen=True, slots=True)
class Outage:
    """Nobody can serve it now. `returns_at_ms` None = it is not known when."""

    cause: str
    reasons: tuple[str, ...]
    returns_at_ms: int | None
    policy: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person or the backend said stop."""


Ending = Completed | Failed | Outage | Cancelled


class AgentLoop:
    """Runs jobs. `record` stores finished steps under the job's fencing token and tells of a cancel."""

    def __init__(
        self,
        *,
        router: Router,
        configuration: Configuration,
        tools: dict[str, Tool],
        record: Callable[[ClaimedJob, Transcript], Awaitable[bool]],
        may_start: Callable[[], Awaitable[None]],
    ) -> None:
        """`may_start` returns once this process may begin something new (its lease is valid)."""
        self._router = router
        self._configuration = configuration
        self._tools = tools
        self._record = record
        self._may_start = may_start

    async def run(self, job: ClaimedJob, transcript: Transcript) -> Ending:
        """Go from the first missing step to the end; `transcript` keeps the last steps, to be stored with it."""
        agent = self._configuration.routes.agent(job.agent)
        if agent is None:
            routes = await self._configuration.current(None)
            agent = routes.agent(job.agent)
            if agent is None and routes.generation == 0:
                return Outage("no_candidate", ("nothing is published yet: is the scheduler running?",), None, "wait")
        if agent is None:
            return _removed(job.agent)
        transcript.open(job, agent)
        offered = {name: self._tools[name] for name in agent.tools if name in self._tools}
        described = [tool.described() for tool in offered.values()]
        while True:
            if transcript.done >= agent.max_steps:
                return _too_many_steps(agent.max_steps)
            reply = await self._reply(job, transcript, described)
            if not isinstance(reply, dict):
                return self._ended(reply, agent.on_outage)
            calls = reply.get("tool_calls")
            if not calls:
                return Completed(self._result(reply, transcript))
            if await self._run_tools(job, transcript, offered, calls, agent.max_steps):
                return Cancelled()

    async def _reply(
        self, job: ClaimedJob, transcript: Transcript, described: list[dict[str, Any]]
    ) -> dict[str, Any] | Refused | Unserved | Gone:
        asked = request_hash(transcript.messages, described)
        step = transcript.replayed(LLM, asked, job.id)
        if step is not None:
            return step.message
        call = Call(
            job.agent, transcript.done + 1, transcript.messages, described, job.deadline_ms, transcript.attempts
        )
        outcome = await self._router.serve(call)
        if not isinstance(outcome, Answered):
            return outcome
        transcript.add(
            Step(
                number=transcript.done + 1,
                kind=LLM,
                request_hash=asked,
                message=outcome.reply.message,
                served_by={
                    "model": outcome.candidate.model.id,
                    "provider": outcome.candidate.provider.name,
                    "key": outcome.candidate.label,
                    "generation": outcome.generation,
                    "finish_reason": outcome.reply.finish_reason,
                },
                input_tokens=outcome.reply.input_tokens,
                output_tokens=outcome.reply.output_tokens,
                cost_usd=outcome.cost_usd,
            )
        )
        return transcript.messages[-1]

    async def _run_tools(
        self,
        job: ClaimedJob,
        transcript: Transcript,
        offered: dict[str, Tool],
        calls: list[dict[str, Any]],
        max_steps: int,
    ) -> bool:
        """Run the turn's tool calls one by one. True = a cancel was asked for."""
        if transcript.fresh and await self._record(job, transcript):
            return True
        for tool_call in calls:
            if transcript.done >= max_steps:
                return False
            asked = request_hash([tool_call], [])
            if transcript.replayed(TOOL, asked, job.id) is not None:
                continue
            await self._may_start()
            result = run_tool(offered, tool_call)
            transcript.add(Step(transcript.done + 1, TOOL, asked, result))
            if await self._record(job, transcript):
                return True
        return False

    def _ended(self, outcome: Refused | Unserved | Gone, policy: str) -> Ending:
        match outcome:
            case Refused(cause, advice, detail):
                return Failed(cause, f"{advice} The provider said: {detail[:500]}" if detail else advice)
            case Unserved(cause, reasons, returns_at_ms):
                return Outage(cause, reasons, returns_at_ms, policy)
            case Gone():
                return Failed("agent_removed", "the agent was removed from the configuration while the job ran")

    def _result(self, reply: dict[str, Any], transcript: Transcript) -> dict[str, Any]:
        return {
            "text": reply["content"] or "",
            **transcript.served_by,
            "usage": {"input_tokens": transcript.input_tokens, "output_tokens": transcript.output_tokens},
            "cost_usd": transcript.cost_usd,
            "steps": transcript.done,
        }


def _removed(agent: str) -> Failed:
    return Failed(
        "agent_removed",
        f"the agent {agent!r} is no longer configured: add it again, then `watchkeeper jobs retry` this job",
    )


def _too_many_steps(limit: int) -> Failed:
    return Failed(
        "max_steps",
        f"the agent did not come to an answer within {limit} steps: raise its max_steps or look at `jobs show`",
    )
