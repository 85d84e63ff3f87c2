"""Everything that is known of one job, in the order it happened."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from shared.db.tables import attempts, incarnations, job_events, jobs, steps, tool_starts
from watchkeeper.errors import JobNotFound


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline. `at_ms` is the database's clock, or the worker's for attempts."""

    at_ms: int
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Story:
    """A job with its journal, its attempts and its timeline."""

    job: dict[str, Any]
    steps: list[dict[str, Any]]
    attempts: list[dict[str, Any]]
    timeline: list[Moment]


def read_story(connection: Connection, job_id: str) -> Story:
    """The story of a job.

    Raises:
        JobNotFound: there is none of that id.
    """
    job = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
    if job is None:
        raise JobNotFound(f"there is no job {job_id!r}: see `watchkeeper jobs ls`")
    found_steps = connection.execute(
        select(steps).where(steps.c.job_id == job_id).order_by(steps.c.number)
    ).mappings()
    tried = connection.execute(select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.id)).mappings()
    turns = connection.execute(
        select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.id)
    ).mappings()
    begun = connection.execute(select(tool_starts).where(tool_starts.c.job_id == job_id)).mappings()
    worker = connection.execute(select(incarnations).where(incarnations.c.id == job["claimed_by"])).mappings().first()
    story_steps = [{**row, "result": json.loads(row["result"])} for row in found_steps]
    story_attempts = [dict(row) for row in tried]
    return Story(
        job={
            **job,
            "messages": json.loads(job["messages"]),
            "metadata": json.loads(job["metadata"]) if job["metadata"] else None,
            "result": json.loads(job["result"]) if job["result"] else None,
        },
        steps=story_steps,
        attempts=story_attempts,
        timeline=sorted(
            [
                *_begin(job, worker),
                *map(_turn, turns),
                *_work(story_steps, story_attempts, begun),
                *_end(job, story_steps),
            ],
            key=lambda moment: moment.at_ms,
        ),
    )


def _begin(job: RowMapping, worker: RowMapping | None) -> list[Moment]:
    moments = [Moment(job["enqueued_at"], "enqueued", f"for agent {job['agent']}")]
    if job["started_at"] is not None:
        waited = job["started_at"] - job["enqueued_at"]
        moments.append(Moment(job["started_at"], "started", f"after {waited} ms in the queue"))
    if job["claim_token"] > 1:
        by = f" by {worker['host']}/{worker['pid']}" if worker else ""
        moments.append(Moment(job["claimed_at"], "claimed again", f"claim {job['claim_token']}{by}"))
    return moments


def _end(job: RowMapping, done: list[dict[str, Any]]) -> list[Moment]:
    if job["finished_at"] is None:
        return []
    # Both are written in one transaction, whose clock may tick between them: the end comes after the last step.
    at = max([job["finished_at"], *(step["finished_at"] for step in done)])
    why = job["error_cause"] or f"after {job['steps']} step{'s' if job['steps'] != 1 else ''}"
    return [Moment(at, job["state"], why)]


def _turn(row: RowMapping) -> Moment:
    return Moment(row["at"], row["event"], row["detail"])


def _work(done: list[dict[str, Any]], tried: list[dict[str, Any]], begun: Iterable[RowMapping]) -> list[Moment]:
    """Step by step, each behind what led to it: the order that moments of the same millisecond keep."""
    work = [
        *((row["step"], 0, _attempt(row, done)) for row in tried),
        *((row["number"], 0, _started(row)) for row in begun),
        *((row["number"], 1, _step(row)) for row in done),
    ]
    return [moment for _, _, moment in sorted(work, key=lambda entry: entry[:2])]


def _started(row: RowMapping) -> Moment:
    return Moment(row["started_at"], f"step {row['number']}", f"tool {row['tool']} begins; it must not act twice")


def _step(row: dict[str, Any]) -> Moment:
    message = row["result"]["message"]
    if row["kind"] == "tool":
        return Moment(row["finished_at"], f"step {row['number']}", f"tool result: {message['content'][:80]}")
    calls = ", ".join(call["function"]["name"] for call in message.get("tool_calls", ()))
    return Moment(row["finished_at"], f"step {row['number']}", f"asks for {calls}" if calls else "answer")


def _attempt(row: dict[str, Any], done: list[dict[str, Any]]) -> Moment:
    # A worker's idea of the database's clock is late by one answer; an attempt begins after the steps before its own.
    at = max([row["started_at"], *(step["finished_at"] for step in done if step["number"] < row["step"])])
    ending = row["cause"] or f"ok, {row['input_tokens']} tokens in, {row['output_tokens']} out"
    return Moment(at, "attempt", f"{row['model']} with {row['key_label']}: {ending} ({row['duration_ms']} ms)")
