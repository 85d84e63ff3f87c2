"""Steps and attempts as rows of the journal."""

import json
from typing import Any

from shared.sound_text import storable
from workers.journal.database import Database, Row
from workers.journal.records import Attempt, ClaimedJob, Step
from workers.journal.statements import Statements


def add_rows(
    database: Database,
    statements: Statements,
    job: ClaimedJob,
    steps: tuple[Step, ...],
    attempts: tuple[Attempt, ...],
) -> None:
    """Write steps and attempts under the job's claim token, which the caller has checked."""
    fence = {"job_id": job.id, "claim_token": job.token}
    if steps:
        database.run_many(statements.add_step, [{**_stored(step), **fence} for step in steps])
    if attempts:
        database.run_many(statements.add_attempt, [{**_told(attempt), **fence} for attempt in attempts])


def _told(attempt: Attempt) -> dict[str, Any]:
    # not asdict(): it copies deeply, which costs more than the statement
    fields = {name: getattr(attempt, name) for name in attempt.__slots__}
    return fields if attempt.detail is None else {**fields, "detail": storable(attempt.detail)}


def _stored(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "kind": step.kind,
        "request_hash": step.request_hash,
        "result": json.dumps({"message": step.message, "served_by": step.served_by}),
        "input_tokens": step.input_tokens,
        "output_tokens": step.output_tokens,
        "cost_usd": step.cost_usd,
    }


def step_of(row: Row) -> Step:
    """A step as it was before `add_rows`."""
    result = json.loads(row["result"])
    return Step(
        number=row["number"],
        kind=row["kind"],
        request_hash=row["request_hash"],
        message=result["message"],
        served_by=result["served_by"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
    )
