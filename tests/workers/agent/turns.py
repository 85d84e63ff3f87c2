"""One turn of a job in the hands of a real worker: its calls are chosen by the test, the rest is as it is."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.workers.running.crew import Crew
from workers.agent.acting import Acting
from workers.agent.transcript import LLM, TOOL, Transcript
from workers.journal.claiming import Claim
from workers.journal.records import ClaimedJob, Step
from workers.telling.teller import Teller
from workers.tools.registry import Tool


def call(name: str, arguments: Any = None, id: str = "call_1") -> dict[str, Any]:
    """A tool call as a model sends it; a str as arguments is sent as it is."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return {"id": id, "type": "function", "function": {"name": name, "arguments": text}}


class Told(Teller):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    def step_started(self, number: int, kind: str, **data: Any) -> None:
        assert kind != TOOL or set(data) == {"name", "arguments", "tool_call_id"}
        self.heard.append(("started", number))

    def step_finished(self, step: Step) -> None:
        self.heard.append(("finished", step.number))


@dataclass
class Turn:
    """The model has asked for `calls`; `act` runs them for whoever claims the job then."""

    crew: Crew
    calls: list[dict[str, Any]]
    tools: dict[str, Tool]
    job_id: str = ""
    told: Told = field(default_factory=Told)
    transcript: Transcript = field(default_factory=lambda: Transcript(()))

    async def claim(self) -> ClaimedJob:
        """The job in our hands: for the first time with the reply that asks for the tools."""
        first = not self.job_id
        if first:
            (self.job_id,) = self.crew.rows.enqueue(metadata='{"customer": 7}')
        else:
            self.crew.rows.change_job(self.job_id, state="queued", claimed_by=None)
        job = await self.crew.writer.do(Claim(self.job_id, "A"))
        assert job is not None
        self.transcript = Transcript(job.steps)
        if first:
            reply = {"role": "assistant", "content": None, "tool_calls": self.calls}
            self.transcript.add(Step(1, LLM, "0" * 64, reply))
            await self.crew.runner.record(job, self.transcript)
        else:
            assert self.transcript.replayed(LLM, "0" * 64, job.id) is not None
        return job

    async def act(self) -> list[str]:
        """Claim the job and run the turn; what the model is told, in turn order."""
        return await self.run(await self.claim())

    async def run(self, job: ClaimedJob) -> list[str]:
        """Run the turn; what the model is told, in turn order."""
        acting = Acting(
            tools=self.tools,
            calls=self.crew.tool_calls,
            record=self.crew.runner.record,
            start=self.crew.runner.start_tool,
            may_start=self.crew.lease.may_start,
        )
        await acting.run(job, self.transcript, self.tools, self.calls, self.told)
        results = [message for message in self.transcript.messages if message["role"] == "tool"]
        assert [message["tool_call_id"] for message in results] == [call["id"] for call in self.calls]
        return [message["content"] for message in results]
