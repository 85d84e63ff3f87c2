"""What is written of a job, on condition that it is still ours, and what is asked when a write changed nothing."""

from typing import Final

from sqlalchemy import Integer, String, Text, bindparam, case, cast, insert, literal_column, null, select, update

from shared.db.tables import attempts, job_events, jobs, steps, tool_starts
from watchkeeper.clock import db_now
from watchkeeper.states import JobState
from workers.journal.terms import OURS, literal, since_retried


def _columns(names: list[str], given: dict[str, object]) -> dict[str, object]:
    return {name: given.get(name, bindparam(name)) for name in names}


_SAME: Final = job_events.alias("same")

STANDING: Final = select(jobs.c.state, jobs.c.claim_token, jobs.c.steps, jobs.c.cancel_requested).where(
    jobs.c.id == bindparam("job_id")
)

ADVANCE: Final = (
    update(jobs)
    .where(
        OURS,
        # Steps of one turn finish in any order: how many there are does not tell which.
        ~select(literal_column("1"))
        .select_from(steps)
        .where(steps.c.job_id == bindparam("job_id"), steps.c.number == bindparam("number"))
        .exists(),
    )
    .values(
        steps=jobs.c.steps + bindparam("more"),
        # A job that makes progress is not the one that crashes workers.
        crashes=literal_column("0"),
        crashes_alone=literal_column("0"),
    )
    .returning(jobs.c.cancel_requested)
)

WRITTEN_BY: Final = select(steps.c.claim_token).where(
    steps.c.job_id == bindparam("job_id"), steps.c.number == bindparam("number")
)

ADD_STEP: Final = insert(steps).values(_columns(steps.c.keys(), {"finished_at": db_now()}))

ADD_ATTEMPT: Final = insert(attempts).values(_columns([name for name in list(attempts.c.keys()) if name != "id"], {}))

START_TOOL: Final = insert(tool_starts).from_select(
    ["job_id", "number", "tool", "claim_token", "started_at"],
    select(
        jobs.c.id,
        cast(bindparam("number"), Integer),
        cast(bindparam("tool"), String),
        jobs.c.claim_token,
        db_now(),
    ).where(
        OURS,
        ~select(literal_column("1"))
        .select_from(tool_starts)
        .where(tool_starts.c.job_id == bindparam("job_id"), tool_starts.c.number == bindparam("number"))
        .exists(),
    ),
)

STARTED_BY: Final = select(tool_starts.c.claim_token).where(
    tool_starts.c.job_id == bindparam("job_id"), tool_starts.c.number == bindparam("number")
)

FINISH: Final = (
    update(jobs)
    .where(OURS)
    .values(
        state=bindparam("state"),
        steps=bindparam("steps"),
        result=bindparam("result"),
        error_cause=bindparam("error_cause"),
        error_message=bindparam("error_message"),
        claimed_by=null(),
        finished_at=db_now(),
    )
)

NEXT_IN_CONVERSATION: Final = (
    select(jobs.c.id, jobs.c.priority, jobs.c.enqueued_at)
    .where(
        jobs.c.conversation_id == bindparam("conversation_id"),
        jobs.c.state == literal(JobState.QUEUED),
    )
    .order_by(jobs.c.enqueued_at, jobs.c.id)
    .limit(literal_column("1"))
)

GIVE_BACK: Final = (
    update(jobs)
    .where(OURS)
    .values(
        # A job that was told to stop while it ran does not come back.
        state=case((jobs.c.cancel_requested, literal(JobState.CANCELLED)), else_=bindparam("state")),
        finished_at=case((jobs.c.cancel_requested, db_now()), else_=null()),
        error_cause=case((jobs.c.cancel_requested, literal("cancelled")), else_=null()),
        run_after=bindparam("run_after"),
        yields=jobs.c.yields + bindparam("yielded"),
        claimed_by=null(),
        woken_at=null(),
    )
    .returning(jobs.c.cancel_requested)
)

ADD_EVENT: Final = (
    # Once for each reason: a job that is parked again every few minutes tells no new story.
    insert(job_events).from_select(
        ["job_id", "at", "event", "detail"],
        select(
            cast(bindparam("job_id"), String),
            db_now(),
            cast(bindparam("event"), String),
            cast(bindparam("detail"), Text),
        ).where(
            ~select(literal_column("1"))
            .select_from(_SAME)
            .where(
                _SAME.c.job_id == bindparam("job_id"),
                _SAME.c.event == bindparam("event"),
                _SAME.c.detail == bindparam("detail"),
                since_retried(_SAME),
            )
            .exists()
        ),
    )
)
