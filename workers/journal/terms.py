"""Conditions and constants of the writer's statements."""

from typing import Final

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, func, literal_column, select

from shared.db.tables import job_events, jobs
from watchkeeper.states import JobState


def literal(value: str) -> ColumnElement[str]:
    """A word of ours as part of the statement's text, where nothing needs to be bound."""
    return literal_column(f"'{value}'")


RUNNING: Final = literal(JobState.RUNNING)

OURS: Final = and_(
    jobs.c.id == bindparam("job_id"), jobs.c.claim_token == bindparam("token"), jobs.c.state == RUNNING
)
"""The fence: the job still runs under our claim."""

_RETRIES: Final = job_events.alias("retries")


def since_retried(events: FromClause) -> ColumnElement[bool]:
    """What happened to the job after a person last gave it another go: what was before is not held against it."""
    retried = _RETRIES.c.job_id == bindparam("job_id"), _RETRIES.c.event == literal("retried")
    last = select(func.max(_RETRIES.c.id)).where(*retried).scalar_subquery()
    return events.c.id > func.coalesce(last, literal_column("0"))
