"""What is written and asked beside the jobs."""

from typing import Final

from sqlalchemy import ColumnElement, Select, String, bindparam, cast, column, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect

from shared.db.tables import incarnations, job_events, jobs
from watchkeeper.clock import db_now
from workers.journal.terms import RUNNING, since_retried

HEARTBEAT: Final = (
    update(incarnations)
    .where(incarnations.c.id == bindparam("incarnation"), incarnations.c.ended_at.is_(None))
    .values(
        heartbeat=incarnations.c.heartbeat + literal_column("1"),
        heartbeat_at=db_now(),
        generation=bindparam("generation"),
        running=bindparam("running"),
        jobs_done=bindparam("jobs_done"),
        rss_mb=bindparam("rss_mb"),
        connections=bindparam("connections"),
        loop_lag_ms=bindparam("loop_lag_ms"),
        state=func.coalesce(bindparam("state", type_=String), incarnations.c.state),
    )
)

HELD_BY: Final = select(jobs.c.id, jobs.c.claim_token).where(
    jobs.c.state == RUNNING, jobs.c.claimed_by == bindparam("incarnation")
)

COUNT_EVENTS: Final = (
    select(func.count().label("events"))
    .select_from(job_events)
    .where(
        job_events.c.job_id == bindparam("job_id"),
        job_events.c.event == bindparam("event"),
        since_retried(job_events),
    )
)


def cancels_asked(dialect: Dialect) -> Select[tuple[str, int]]:
    """Which of the jobs in the JSON list `ids` were told to stop; each dialect opens the list its own way."""
    return select(jobs.c.id, jobs.c.claim_token).where(
        jobs.c.id.in_(select(_each_text(dialect))),
        jobs.c.state == RUNNING,
        jobs.c.claimed_by == bindparam("incarnation"),
        jobs.c.cancel_requested,
    )


def _each_text(dialect: Dialect) -> ColumnElement[str]:
    """The members of the JSON list bound as `ids`."""
    if dialect.name == "sqlite":
        return func.json_each(bindparam("ids")).table_valued("value").c.value
    listed = cast(bindparam("ids"), JSONB)
    return func.jsonb_array_elements_text(listed).table_valued(column("value", String)).c.value
