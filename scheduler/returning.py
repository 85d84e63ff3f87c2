"""Takes the jobs of dead incarnations back: to be run again, alone if they crashed workers, or never more."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, case, insert, null, select, update

from scheduler.evidence import Crash, doing_at_crash, poisoned
from shared.db.tables import incarnations, job_events, jobs
from shared.jobs.alone import ALONE_AT_CRASHES, DEAD_AT_CRASHES_ALONE, queue_of
from watchkeeper.clock import db_now
from watchkeeper.contract import wake_score
from watchkeeper.states import JobState
from watchkeeper.turns import turn_has_come


@dataclass(slots=True)
class Returned:
    """What became of them. `wakes`: queue -> job id -> score, of whoever may run now."""

    rescued: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    wakes: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def ended(self) -> list[str]:
        """Those with a final result now."""
        return [*self.cancelled, *self.dead]


def return_jobs(connection: Connection) -> Returned:
    """Do it in the caller's transaction.

    A crash counts for every job that was present, until the job finishes a step; it counts only when whoever started
    the worker saw it end badly. A heartbeat that stood still may have been the host's.
    """
    here = incarnations.c.id == jobs.c.claimed_by
    alive = select(incarnations.c.id).where(here, incarnations.c.ended_at.is_(None)).exists()
    lost = connection.execute(
        select(
            jobs.c.id,
            jobs.c.claimed_by,
            jobs.c.steps,
            incarnations.c.crashed,
            incarnations.c.alone_with,
            incarnations.c.ended_at,
            incarnations.c.ended_why,
        )
        .join_from(jobs, incarnations, here, isouter=True)
        .where(jobs.c.state == JobState.RUNNING, incarnations.c.ended_at.is_not(None) | incarnations.c.id.is_(None))
    ).all()
    if not lost:
        return Returned()
    crashed = select(incarnations.c.id).where(here, incarnations.c.crashed).exists()
    alone = (
        select(incarnations.c.id).where(here, incarnations.c.crashed, incarnations.c.alone_with == jobs.c.id).exists()
    )
    # One that crashed its own process stays alone, although it had finished a step there: no neighbour suffers again.
    proven = alone & (jobs.c.crashes + 1 < ALONE_AT_CRASHES)
    crashes = case((proven, ALONE_AT_CRASHES), (crashed, jobs.c.crashes + 1), else_=jobs.c.crashes)
    crashes_alone = jobs.c.crashes_alone + case((alone, 1), else_=0)
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.id.in_([row.id for row in lost]), jobs.c.state == JobState.RUNNING, ~alive)
        .values(
            state=case(
                (jobs.c.cancel_requested, JobState.CANCELLED),
                (crashes_alone >= DEAD_AT_CRASHES_ALONE, JobState.DEAD),
                else_=JobState.QUEUED,
            ),
            finished_at=case(
                (jobs.c.cancel_requested | (crashes_alone >= DEAD_AT_CRASHES_ALONE), db_now()), else_=null()
            ),
            error_cause=case(
                (jobs.c.cancel_requested, "cancelled"),
                (crashes_alone >= DEAD_AT_CRASHES_ALONE, "poison"),
                else_=null(),
            ),
            crashes=crashes,
            crashes_alone=crashes_alone,
            claimed_by=None,
            # Whoever returns it wakes it. A second wake-up of a lone one would cost a process; a lost one costs 10 s.
            woken_at=case((crashes >= ALONE_AT_CRASHES, db_now()), else_=null()),
        )
        .returning(
            jobs.c.id, jobs.c.state, jobs.c.priority, jobs.c.enqueued_at, jobs.c.crashes, jobs.c.conversation_id
        )
    ).all()
    before = {row.id: row for row in lost}
    _tell_story(connection, [before[row.id] for row in changed], {row.id for row in changed if _goes_on(row)})
    returned = Returned(
        rescued=[row.id for row in changed if _goes_on(row)],
        cancelled=[row.id for row in changed if row.state == JobState.CANCELLED],
        dead=[row.id for row in changed if row.state == JobState.DEAD],
    )
    for job_id in returned.dead:
        poisoned(connection, job_id)
    released = {row.conversation_id for row in changed if not _goes_on(row) and row.conversation_id is not None}
    for row in [*(row for row in changed if _goes_on(row)), *_next_of(connection, released)]:
        wakes = returned.wakes.setdefault(queue_of(row.crashes), {})
        wakes[row.id] = wake_score(row.priority, row.enqueued_at)
    return returned


def _goes_on(row: Any) -> bool:
    return bool(row.state == JobState.QUEUED)


def _next_of(connection: Connection, conversations: set[str]) -> list[Any]:
    """Jobs whose turn has come, now that one before them ended."""
    if not conversations:
        return []
    found = connection.execute(
        select(jobs.c.id, jobs.c.priority, jobs.c.enqueued_at, jobs.c.crashes).where(
            jobs.c.conversation_id.in_(conversations), jobs.c.state == JobState.QUEUED, turn_has_come()
        )
    )
    return list(found.all())


def _tell_story(connection: Connection, lost: list[Any], going_on: set[str]) -> None:
    doing = doing_at_crash(connection, {row.id: row.steps for row in lost if row.crashed})
    events = [
        {
            "job": row.id,
            "event": "crashed",
            "detail": Crash(
                row.claimed_by, row.ended_at, row.ended_why, row.alone_with == row.id, doing[row.id]
            ).words(),
        }
        for row in lost
        if row.crashed
    ]
    events += [
        {
            "job": row.id,
            "event": "rescued",
            "detail": f"worker {row.claimed_by} died; goes on after step {row.steps}",
        }
        for row in lost
        if row.id in going_on
    ]
    if events:
        connection.execute(
            insert(job_events).values(
                job_id=bindparam("job"), at=db_now(), event=bindparam("event"), detail=bindparam("detail")
            ),
            events,
        )
