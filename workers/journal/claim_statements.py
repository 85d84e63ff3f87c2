"""What a claim changes, and what it brings back."""

from typing import Final

from sqlalchemy import Integer, and_, bindparam, func, literal_column, or_, select, update

from shared.db.tables import jobs, steps, tool_starts
from shared.jobs.alone import ALONE_AT_CRASHES
from watchkeeper.clock import db_now
from watchkeeper.states import JobState
from watchkeeper.turns import turn_has_come
from workers.journal.terms import RUNNING, literal

CLAIM: Final = (
    update(jobs)
    .where(
        jobs.c.id == bindparam("job_id"),
        # A row already ours is one whose claim was committed while its answer got lost in an outage: the
        # process itself never asks for a job it is running.
        or_(
            jobs.c.state == literal(JobState.QUEUED),
            and_(jobs.c.state == RUNNING, jobs.c.claimed_by == bindparam("incarnation")),
        ),
        # One that crashed workers is only for a process of its own.
        or_(
            jobs.c.crashes < literal_column(str(ALONE_AT_CRASHES)),
            bindparam("alone", type_=Integer) == literal_column("1"),
        ),
        turn_has_come(),
    )
    .values(
        state=RUNNING,
        claim_token=jobs.c.claim_token + literal_column("1"),
        claimed_by=bindparam("incarnation"),
        claimed_at=db_now(),
        started_at=func.coalesce(jobs.c.started_at, db_now()),
        woken_at=db_now(),
    )
    .returning(
        jobs.c.id,
        jobs.c.agent,
        jobs.c.claim_token,
        jobs.c.messages,
        jobs.c.conversation_id,
        jobs.c.priority,
        jobs.c.deadline,
        jobs.c.claimed_at,
        jobs.c.enqueued_at,
        jobs.c.yields,
        jobs.c.steps,
        jobs.c.stream,
        jobs.c.metadata,
    )
)

JOURNAL: Final = select(steps).where(steps.c.job_id == bindparam("job_id")).order_by(steps.c.number)

TOOL_STARTS: Final = select(tool_starts.c.number).where(tool_starts.c.job_id == bindparam("job_id"))

HISTORY: Final = (
    select(jobs.c.messages, jobs.c.result)
    .where(
        jobs.c.conversation_id == bindparam("conversation_id"),
        jobs.c.state == literal(JobState.COMPLETED),
    )
    .order_by(jobs.c.enqueued_at.desc(), jobs.c.id.desc())
    .limit(bindparam("page"))
    .offset(bindparam("offset"))
)
