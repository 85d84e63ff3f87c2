"""The writer's statements. Every write of a job is conditional on its claim token (DESIGN 1)."""

from typing import Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect

from shared.db.tables import attempts, incarnations, job_events, jobs, steps, tool_starts
from shared.jobs.alone import ALONE_AT_CRASHES
from shared.keystate import ledger
from watchkeeper.clock import db_now
from watchkeeper.states import JobState
from watchkeeper.turns import turn_has_come
from workers.journal.dialects import Prepared


def _text(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'")


_SAME: Final = job_events.alias("same")
_RUNNING: Final = _text(JobState.RUNNING)
_OURS = and_(jobs.c.id == bindparam("job_id"), jobs.c.claim_token == bindparam("token"), jobs.c.state == _RUNNING)


class Statements:
    """All of them, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        def prepared(statement: object) -> Prepared:
            return Prepared(statement, dialect)  # type: ignore[arg-type]

        self.claim = prepared(
            update(jobs)
            .where(
                jobs.c.id == bindparam("job_id"),
                # A row already ours is one whose claim was committed while its answer got lost in an outage: the
                # process itself never asks for a job it is running.
                or_(
                    jobs.c.state == _text(JobState.QUEUED),
                    and_(jobs.c.state == _RUNNING, jobs.c.claimed_by == bindparam("incarnation")),
                ),
                # One that crashed workers is only for a process of its own.
                or_(
                    jobs.c.crashes < literal_column(str(ALONE_AT_CRASHES)),
                    bindparam("alone", type_=Integer) == literal_column("1"),
                ),
                turn_has_come(),
            )
            .values(
                state=_RUNNING,
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
        self.journal = prepared(select(steps).where(steps.c.job_id == bindparam("job_id")).order_by(steps.c.number))
        self.written_by = prepared(
            select(steps.c.claim_token).where(
                steps.c.job_id == bindparam("job_id"), steps.c.number == bindparam("number")
            )
        )
        self.tool_starts = prepared(select(tool_starts.c.number).where(tool_starts.c.job_id == bindparam("job_id")))
        self.started_by = prepared(
            select(tool_starts.c.claim_token).where(
                tool_starts.c.job_id == bindparam("job_id"), tool_starts.c.number == bindparam("number")
            )
        )
        self.start_tool = prepared(
            insert(tool_starts).from_select(
                ["job_id", "number", "tool", "claim_token", "started_at"],
                select(
                    jobs.c.id,
                    cast(bindparam("number"), Integer),
                    cast(bindparam("tool"), String),
                    jobs.c.claim_token,
                    db_now(),
                ).where(
                    _OURS,
                    ~select(literal_column("1"))
                    .select_from(tool_starts)
                    .where(tool_starts.c.job_id == bindparam("job_id"), tool_starts.c.number == bindparam("number"))
                    .exists(),
                ),
            )
        )
        self.history = prepared(
            select(jobs.c.messages, jobs.c.result)
            .where(
                jobs.c.conversation_id == bindparam("conversation_id"),
                jobs.c.state == _text(JobState.COMPLETED),
            )
            .order_by(jobs.c.enqueued_at.desc(), jobs.c.id.desc())
            .limit(bindparam("page"))
            .offset(bindparam("offset"))
        )
        self.standing = prepared(
            select(jobs.c.state, jobs.c.claim_token, jobs.c.steps, jobs.c.cancel_requested).where(
                jobs.c.id == bindparam("job_id")
            )
        )
        self.advance = prepared(
            update(jobs)
            .where(
                _OURS,
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
        self.cancels_asked = prepared(
            select(jobs.c.id, jobs.c.claim_token).where(
                jobs.c.id.in_(select(_each_text(dialect))),
                jobs.c.state == _RUNNING,
                jobs.c.claimed_by == bindparam("incarnation"),
                jobs.c.cancel_requested,
            )
        )
        self.finish = prepared(
            update(jobs)
            .where(_OURS)
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
        self.give_back = prepared(
            update(jobs)
            .where(_OURS)
            .values(
                # A job that was told to stop while it ran does not come back.
                state=case((jobs.c.cancel_requested, _text(JobState.CANCELLED)), else_=bindparam("state")),
                finished_at=case((jobs.c.cancel_requested, db_now()), else_=null()),
                error_cause=case((jobs.c.cancel_requested, _text("cancelled")), else_=null()),
                run_after=bindparam("run_after"),
                yields=jobs.c.yields + bindparam("yielded"),
                claimed_by=null(),
                woken_at=null(),
            )
            .returning(jobs.c.cancel_requested)
        )
        self.next_in_conversation = prepared(
            select(jobs.c.id, jobs.c.priority, jobs.c.enqueued_at)
            .where(
                jobs.c.conversation_id == bindparam("conversation_id"),
                jobs.c.state == _text(JobState.QUEUED),
            )
            .order_by(jobs.c.enqueued_at, jobs.c.id)
            .limit(literal_column("1"))
        )
        self.add_step = prepared(insert(steps).values(_columns(steps.c.keys(), {"finished_at": db_now()})))
        self.add_attempt = prepared(
            insert(attempts).values(_columns([name for name in list(attempts.c.keys()) if name != "id"], {}))
        )
        self.add_event = prepared(
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
                    )
                    .exists()
                ),
            )
        )
        self.remember_standing = prepared(ledger.remember(dialect.name))
        self.forget_standing = prepared(ledger.forget())
        self.tell_key_event = prepared(ledger.tell(dialect.name))
        self.count_events = prepared(
            select(func.count().label("events"))
            .select_from(job_events)
            .where(job_events.c.job_id == bindparam("job_id"), job_events.c.event == bindparam("event"))
        )
        self.heartbeat = prepared(
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


def _each_text(dialect: Dialect) -> ColumnElement[str]:
    """The members of the JSON list bound as `ids`."""
    if dialect.name == "sqlite":
        return func.json_each(bindparam("ids")).table_valued("value").c.value
    listed = cast(bindparam("ids"), JSONB)
    return func.jsonb_array_elements_text(listed).table_valued(column("value", String)).c.value


def _columns(names: list[str], given: dict[str, object]) -> dict[str, object]:
    return {name: given.get(name, bindparam(name)) for name in names}
