"""The one INSERT that accepts a job, on any connection: the client's own or one in a caller's transaction."""

from dataclasses import asdict
from difflib import get_close_matches
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, String, bindparam, case, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from watchkeeper.clock import db_now
from watchkeeper.contract import CONTRACT_VERSION, agent_names, jobs
from watchkeeper.errors import InvalidJob, StoreUnavailable, UnknownAgent
from watchkeeper.job import JOB_COLUMNS, Job, job_from_row
from watchkeeper.states import JobState
from watchkeeper.submission import Submission

_TRIES = 3


def insert_job(connection: Connection, submission: Submission) -> Job:
    """Store the job, or find the one its idempotency key made before (`Job.duplicate`). Commits nothing.

    An unknown agent and a known key both give no row instead of an error: an error would abort the caller's
    transaction on PostgreSQL.

    Raises:
        UnknownAgent: no agent of that name; nothing was stored.
        StoreUnavailable: the agent or the key's job came and went three times in between.
    """
    statement = _insert(connection.dialect.name, stream=submission.stream)
    values = asdict(submission)
    del values["stream"]
    for _ in range(_TRIES):
        row = connection.execute(statement, values).one_or_none()
        if row is not None:
            return job_from_row(row)
        if submission.idempotency_key is not None:
            known = connection.execute(
                select(*JOB_COLUMNS).where(jobs.c.idempotency_key == submission.idempotency_key)
            ).one_or_none()
            if known is not None:
                return job_from_row(known, duplicate=True)
        _check_agent(connection, submission.agent)
    raise StoreUnavailable(
        f"the job was not stored: agent {submission.agent!r} or the job of idempotency key "
        f"{submission.idempotency_key!r} kept coming and going; enqueue again"
    )


def _check_agent(connection: Connection, name: str) -> None:
    names = connection.execute(select(agent_names.c.name)).scalars().all()
    if name not in names:
        raise UnknownAgent(name, get_close_matches(name, names, n=2))


@cache
def _insert(dialect: str, *, stream: bool) -> ReturningInsert[Any]:
    later = bindparam("run_after", type_=BigInteger)
    values: dict[str, ColumnElement[Any]] = {
        "id": bindparam("id", type_=String),
        "contract": literal(CONTRACT_VERSION),
        "agent": agent_names.c.name,
        "state": case((later > db_now(), JobState.WAITING.value), else_=JobState.QUEUED.value),
        "priority": bindparam("priority", type_=jobs.c.priority.type),
        "messages": bindparam("messages", type_=String),
        "conversation_id": bindparam("conversation_id", type_=String),
        "idempotency_key": bindparam("idempotency_key", type_=String),
        "metadata": bindparam("metadata", type_=String),
        "run_after": later,
        "deadline": bindparam("deadline", type_=BigInteger),
        "enqueued_at": db_now(),
    }
    if stream:  # else not named: a database of an older service has no such column
        values["stream"] = true()
    row = select(*values.values()).where(agent_names.c.name == bindparam("agent", type_=String))
    names = list(values)
    if dialect == "postgresql":
        return (
            postgresql.insert(jobs)
            .from_select(names, row)
            .on_conflict_do_nothing(index_elements=["idempotency_key"])
            .returning(*JOB_COLUMNS)
        )
    if dialect == "sqlite":
        return (
            sqlite.insert(jobs)
            .from_select(names, row)
            .on_conflict_do_nothing(index_elements=["idempotency_key"])
            .returning(*JOB_COLUMNS)
        )
    raise InvalidJob("connection", f"is to {dialect}: Watchkeeper's tables live in PostgreSQL or SQLite")
