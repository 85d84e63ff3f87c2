"""One job from claim to ending. Expected endings are returned values; the caller stores them."""

from collections.abc import Awaitable, Callable
from typing import Any

from workers.agent.acting import Acting
from workers.agent.endings import Cancelled, Cleared, Ending, Failed, Outage
from workers.agent.finishing import finish
from workers.agent.model_facts import ModelFacts
from workers.agent.repeating import STOPPED_AT, turns_in_a_row
from workers.agent.replying import Replies
from workers.agent.transcript import Transcript
from workers.journal.records import ClaimedJob
from workers.router.calls import Gone, Refused, Unserved
from workers.router.configuration import Configuration
from workers.router.router import Router
from workers.telling.teller import Teller


class AgentLoop:
    """Runs jobs. `record` stores finished steps under the job's fencing token and tells of a cancel.

    Args:
        goes_back: asked where this process is for one job that was present at crashes, once a turn of it went well:
            whether that was enough, and others go on with it (docs/adr/0009).
    """

    def __init__(
        self,
        *,
        router: Router,
        facts: ModelFacts,
        configuration: Configuration,
        acting: Acting,
        record: Callable[[ClaimedJob, Transcript], Awaitable[bool]],
        goes_back: Callable[[ClaimedJob], Awaitable[bool]] | None = None,
    ) -> None:
        self._replies = Replies(router, facts)
        self._configuration = configuration
        self._acting = acting
        self._record = record
        self._goes_back = goes_back

    async def run(self, job: ClaimedJob, transcript: Transcript, teller: Teller) -> Ending:
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
        offered = self._acting.offered(agent)
        described = [tool.described() for tool in offered.values()]
        repairing = False
        while True:
            if transcript.last >= agent.max_steps:
                return _too_many_steps(agent.max_steps)
            if self._goes_back and transcript.done > len(job.steps) and await self._goes_back(job):
                return Cleared()
            reply = await self._replies.next(job, transcript, described, teller)
            if not isinstance(reply, dict):
                return self._ended(reply, agent.on_outage)
            calls = reply.get("tool_calls")
            if not calls:
                left = agent.max_steps - transcript.last
                now = self._configuration.routes.agent(job.agent) or agent
                finished = await finish(
                    reply["content"] or "", now.output_schema, transcript, repairing=repairing, may_repair=left > 0
                )
                if not isinstance(finished, dict):
                    return finished
                if transcript.fresh and await self._record(job, transcript):
                    return Cancelled()
                transcript.messages.append(finished)
                repairing = True
                continue
            # Written before a tool acts on it.
            if transcript.fresh and await self._record(job, transcript):
                return Cancelled()
            if turns_in_a_row(transcript.messages) >= STOPPED_AT:
                return _loops(calls)
            left = agent.max_steps - transcript.last
            if await self._acting.run(job, transcript, offered, calls[:left], teller):
                return Cancelled()

    def _ended(self, outcome: Refused | Unserved | Gone, policy: str) -> Ending:
        match outcome:
            case Refused(cause, advice, detail):
                return Failed(cause, f"{advice} The provider said: {detail[:500]}" if detail else advice)
            case Unserved(cause, reasons, returns_at_ms):
                return Outage(cause, reasons, returns_at_ms, policy)
            case Gone():
                return Failed("agent_removed", "the agent was removed from the configuration while the job ran")


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


def _loops(calls: list[dict[str, Any]]) -> Failed:
    names = ", ".join(dict.fromkeys(str(call["function"]["name"]) for call in calls))
    return Failed(
        "tool_loop",
        f"the model asked for the very same tool call {STOPPED_AT} turns in a row ({names}) and got the same result: "
        "see `jobs show` for it. A clearer description of the tool or another model may help; then enqueue it anew: "
        "a retry goes on from here",
    )
