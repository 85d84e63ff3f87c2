"""Conditions and constants of the writer's statements."""

from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, literal_column

from shared.db.tables import jobs
from watchkeeper.states import JobState


def literal(value: str) -> ColumnElement[str]:
    """A word of ours as part of the statement's text, where nothing needs to be bound."""
    return literal_column(f"'{value}'")


RUNNING: Final = literal(JobState.RUNNING)

OURS: Final = and_(
    jobs.c.id == bindparam("job_id"), jobs.c.claim_token == bindparam("token"), jobs.c.state == RUNNING
)
"""The fence: the job still runs under our claim."""
