"""A job's story as SQL has it: its row, and the steps in the service's journal."""

import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, or_, select

from watchkeeper.contract import jobs
from watchkeeper.errors import JobNotFound
from watchkeeper.states import JobState

journal: Final = Table(
    # Only what a reader may rely on. The service's own definition adds the rest.
    "steps",
    MetaData(),
    Column("job_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("result", Text, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost_usd", Float),
    Column("claim_token", Integer, nullable=False),
)

LLM: Final = "llm"


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """One step of the journal. `started` and `finished` are the data of its `step_started` and `step_finished`."""

    number: int
    kind: str
    claim: int
    text: str
    started: dict[str, Any]
    finished: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The row as a reader needs it, and the steps that were asked for, by number."""

    state: JobState
    stream: bool
    steps: int
    run_after_ms: int | None
    error_cause: str | None
    error_message: str | None
    result: dict[str, Any] | None
    journal: tuple[FinishedStep, ...] = ()


def look(connection: Connection, job_id: str, known: frozenset[int] | None) -> Found:
    """The job, and all finished steps but the `known` ones; None: no steps.

    Raises:
        JobNotFound: there is none of that id.
    """
    # First the row, then the steps: when the row says it has ended, no step is missed.
    row = connection.execute(
        select(
            jobs.c.state,
            jobs.c.stream,
            jobs.c.steps,
            jobs.c.run_after,
            jobs.c.error_cause,
            jobs.c.error_message,
            jobs.c.result,
        ).where(jobs.c.id == job_id)
    ).one_or_none()
    if row is None:
        raise JobNotFound(f"there is no job {job_id!r}")
    return Found(
        state=JobState(row.state),
        stream=row.stream,
        steps=row.steps,
        run_after_ms=row.run_after,
        error_cause=row.error_cause,
        error_message=row.error_message,
        result=None if row.result is None else json.loads(row.result),
        journal=() if known is None else _journal(connection, job_id, known),
    )


def _journal(connection: Connection, job_id: str, known: frozenset[int]) -> tuple[FinishedStep, ...]:
    numbers = select(journal.c.number).where(journal.c.job_id == job_id)
    fresh = [number for number in connection.execute(numbers).scalars() if number not in known]
    if not fresh:
        return ()
    # Replies that are known are read too: they hold what a tool was called with.
    wanted = or_(journal.c.kind == LLM, journal.c.number.in_(fresh))
    rows = connection.execute(
        select(journal).where(journal.c.job_id == job_id, wanted).order_by(journal.c.number)
    ).all()
    contents = {row.number: json.loads(row.result) for row in rows}
    calls = {
        call["id"]: call["function"]
        for content in contents.values()
        for call in content["message"].get("tool_calls") or ()
    }
    return tuple(_step(row, contents[row.number], calls) for row in rows if row.number in fresh)


def _step(row: Any, content: dict[str, Any], calls: dict[str, dict[str, Any]]) -> FinishedStep:
    message = content["message"]
    text = message.get("content") or ""
    started: dict[str, Any] = {"kind": row.kind}
    finished: dict[str, Any] = {"kind": row.kind, "text": text}
    if row.kind == LLM:
        served_by = content.get("served_by", {})
        finished |= {
            "model": served_by.get("model"),
            "provider": served_by.get("provider"),
            "tool_calls": message.get("tool_calls") or [],
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "cost_usd": row.cost_usd,
        }
    else:
        call_id = message.get("tool_call_id")
        call = calls.get(call_id, {})
        started |= {"name": call.get("name"), "arguments": call.get("arguments"), "tool_call_id": call_id}
    return FinishedStep(row.number, row.kind, row.claim_token, text, started, finished)
