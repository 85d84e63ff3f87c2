"""The tool calls of one turn: run side by side, each result a step of its own, in the conversation in turn order."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from shared.config.snapshot import Agent
from shared.sound_text import sound
from watchkeeper.tools import ToolContext
from workers.agent.repeating import note, turns_in_a_row
from workers.agent.transcript import TOOL, Transcript, request_hash
from workers.journal.records import ClaimedJob, Step
from workers.telling.teller import Teller
from workers.tools.calling import ToolCalls
from workers.tools.registry import ArgumentError, Tool
from workers.tools.results import as_error

log = structlog.get_logger()

_UNKNOWN: Final = (
    "outcome unknown: this call was started, and its worker was lost before the result was known. It may have taken "
    "effect. It was not repeated, because this tool must not act twice. Find out by other means, or tell the user."
)


class Acting:
    """Runs the tools of this worker for its jobs.

    Args:
        tools: all this worker has, by name.
        record: stores finished steps under the fencing token; True = a cancel was asked for.
        start: notes, under the fencing token, that the tool of a step that must not act twice begins.
        may_start: returns once this process may begin something new (its lease is valid).
    """

    def __init__(
        self,
        *,
        tools: dict[str, Tool],
        calls: ToolCalls,
        record: Callable[[ClaimedJob, Transcript], Awaitable[bool]],
        start: Callable[[ClaimedJob, int, str], Awaitable[None]],
        may_start: Callable[[], Awaitable[None]],
    ) -> None:
        self._tools = tools
        self._calls = calls
        self._record = record
        self._start = start
        self._may_start = may_start
        self._warned: set[tuple[str, str]] = set()

    def offered(self, agent: Agent) -> dict[str, Tool]:
        """The agent's tools. One that this worker does not have is told once; jobs go on without it."""
        for name in agent.tools:
            if name not in self._tools and (agent.name, name) not in self._warned:
                self._warned.add((agent.name, name))
                log.warning(
                    "tool.missing",
                    agent=agent.name,
                    tool=name,
                    advice="add its module to WATCHKEEPER_TOOLS on this host, see whether its MCP server is away "
                    "(`watchkeeper tools ls`), or take it from the agent",
                )
        return {name: self._tools[name] for name in agent.tools if name in self._tools}

    async def run(
        self,
        job: ClaimedJob,
        transcript: Transcript,
        offered: dict[str, Tool],
        calls: list[dict[str, Any]],
        teller: Teller,
    ) -> bool:
        """Run the turn's calls. True = a cancel was asked for."""
        remark = note(turns_in_a_row(transcript.messages))
        begin = transcript.last + 1

        async def one(number: int, call: dict[str, Any]) -> tuple[Step, bool]:
            asked = request_hash([call], [])
            step = transcript.finished(number, TOOL, asked, job.id)
            if step is not None:
                return step, False
            name, arguments = str(call["function"]["name"]), str(call["function"]["arguments"])
            await self._may_start()
            teller.step_started(number, TOOL, name=name, arguments=arguments, tool_call_id=call["id"])
            content = sound(await self._result(job, number, offered, call)) + remark
            step = Step(number, TOOL, asked, {"role": "tool", "tool_call_id": call["id"], "content": content})
            transcript.keep(step)
            cancelled = await self._record(job, transcript)
            teller.step_finished(step)
            return step, cancelled

        tasks = [asyncio.ensure_future(one(number, call)) for number, call in enumerate(calls, start=begin)]
        try:
            ended = await asyncio.gather(*tasks)
        except BaseException:
            # The job is lost or told to stop: none of its calls goes on.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        for step, _ in ended:
            transcript.join(step)
        return any(cancelled for _, cancelled in ended)

    async def _result(self, job: ClaimedJob, number: int, offered: dict[str, Tool], call: dict[str, Any]) -> str:
        name = str(call["function"]["name"])
        started = number in job.started
        tool = offered.get(name)
        if tool is None:
            there_is = ", ".join(sorted(offered)) or "none"
            return self._unknown(job, name) if started else f"error: there is no tool {name!r}; there is: {there_is}"
        try:
            arguments = tool.check(_parsed(call["function"]["arguments"]))
        except ArgumentError as error:
            return self._unknown(job, name) if started else f"error: the arguments do not fit: {error}"
        except Exception as error:  # a validator of the tool's own
            return self._unknown(job, name) if started else as_error(error)
        context = ToolContext(
            job_id=job.id,
            agent=job.agent,
            step=number,
            tool_call_id=str(call["id"]),
            idempotency_key=f"{job.id}:{number}",
            metadata=json.loads(job.metadata) if job.metadata else {},
        )
        if started:
            return await self._calls.reconcile(tool, arguments, context) or self._unknown(job, name)
        if not tool.repeatable:
            await self._start(job, number, name)
            await self._may_start()  # storing that took as long as it took
        return await self._calls.call(tool, arguments, context)

    def _unknown(self, job: ClaimedJob, name: str) -> str:
        log.warning(
            "tool.outcome_unknown",
            job=job.id,
            tool=name,
            advice="it was cut off and must not act twice: see what it did; a reconcile hook would tell by itself",
        )
        return _UNKNOWN


def _parsed(text: Any) -> dict[str, Any]:
    try:
        arguments = json.loads(text or "{}")
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"they are not valid JSON ({error}): send one JSON object") from None
    if not isinstance(arguments, dict):
        raise ArgumentError("they are not a JSON object")
    return arguments
