"""Jobs for people: a list of them, and one found by a part of its id."""

import re
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from shared.db.tables import jobs
from watchkeeper.clock import db_now
from watchkeeper.errors import JobNotFound
from watchkeeper.states import Priority

_COLUMNS: Final = (
    jobs.c.id, jobs.c.agent, jobs.c.state, jobs.c.priority, jobs.c.conversation_id, jobs.c.enqueued_at,
    jobs.c.started_at, jobs.c.finished_at, jobs.c.run_after, jobs.c.deadline, jobs.c.steps, jobs.c.yields,
    jobs.c.cancel_requested, jobs.c.error_cause,
)  # fmt: skip
_PART_OF_ID: Final = re.compile(r"[0-9a-f-]{4,36}")
_SHOWN: Final = 5


def list_jobs(
    connection: Connection,
    *,
    limit: int,
    state: str | None = None,
    agent: str | None = None,
    since_ms: int | None = None,
) -> list[dict[str, Any]]:
    """The newest jobs first; `since_ms`: only those enqueued within that span. `age_ms` by the database's clock."""
    query = select(*_COLUMNS, (db_now() - jobs.c.enqueued_at).label("age_ms"))
    if state is not None:
        query = query.where(jobs.c.state == state)
    if agent is not None:
        query = query.where(jobs.c.agent == agent)
    if since_ms is not None:
        query = query.where(jobs.c.enqueued_at >= db_now() - since_ms)
    rows = connection.execute(query.order_by(jobs.c.id.desc()).limit(limit)).mappings()
    return [{**row, "priority": Priority(row["priority"]).name.lower()} for row in rows]


def find_job(connection: Connection, text: str) -> str:
    """The id of the one job whose id is, begins with, or ends with `text` (at least 4 characters).

    Raises:
        JobNotFound: there is none, or more than one; lists some.
    """
    part = text.strip().lower()
    if not _PART_OF_ID.fullmatch(part):
        raise JobNotFound(f"{text[:60]!r} is no job id, nor 4 or more characters of one: see `watchkeeper jobs ls`")
    matches = or_(jobs.c.id == part, jobs.c.id.startswith(part), jobs.c.id.endswith(part))
    found = list(connection.execute(select(jobs.c.id).where(matches).order_by(jobs.c.id).limit(_SHOWN)).scalars())
    if part in found:
        return part
    if not found:
        raise JobNotFound(f"there is no job {text!r}: see `watchkeeper jobs ls`")
    if len(found) > 1:
        raise JobNotFound(f"{text!r} fits more than one job, name one by its end: {', '.join(found)}")
    return str(found[0])
