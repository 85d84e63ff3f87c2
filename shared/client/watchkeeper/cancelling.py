"""Stopping a job: at once while nobody runs it, else its worker is asked to."""

from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, select, update

from watchkeeper.clock import db_now
from watchkeeper.contract import jobs, wake_score
from watchkeeper.errors import JobNotFound, StoreUnavailable
from watchkeeper.news import News
from watchkeeper.states import FINAL, JobState
from watchkeeper.turns import turn_has_come

_AT_REST: Final = (JobState.QUEUED, JobState.WAITING, JobState.PARKED)
_LOOKS: Final = 5  # a job may move between two looks; that it does so every time is not to be expected


class Cancelling(StrEnum):
    """What became of the wish."""

    CANCELLED = "cancelled"  # it has ended, nothing of it will run
    REQUESTED = "cancel_requested"  # it runs: its worker stops it as soon as it hears of it
    OVER = "over"  # it had ended before


def cancel_job(connection: Connection, job_id: str, *, by: str, news: News) -> Cancelling:
    """Cancel the job in the caller's transaction; `tell` the `news` after the commit. `by` says who did it.

    Raises:
        JobNotFound: there is none of that id.
        StoreUnavailable: the job changed hands again and again while we looked.
    """
    for _ in range(_LOOKS):
        stopped = connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.state.in_(_AT_REST))
            .values(
                state=JobState.CANCELLED,
                cancel_requested=True,
                finished_at=db_now(),
                error_cause="cancelled",
                error_message=f"cancelled by {by}",
            )
            .returning(jobs.c.conversation_id)
        ).first()
        if stopped is not None:
            news.ended.append(job_id)
            news.wakes.pop(job_id, None)
            _wake_next(connection, stopped.conversation_id, news)
            return Cancelling.CANCELLED
        asked = connection.execute(
            update(jobs).where(jobs.c.id == job_id, jobs.c.state == JobState.RUNNING).values(cancel_requested=True)
        ).rowcount
        if asked:
            news.stopping.append(job_id)
            return Cancelling.REQUESTED
        state = connection.execute(select(jobs.c.state).where(jobs.c.id == job_id)).scalar_one_or_none()
        if state is None:
            raise JobNotFound(f"there is no job {job_id!r}: see `watchkeeper jobs ls`")
        if state in FINAL:
            return Cancelling.OVER
    raise StoreUnavailable(f"job {job_id} kept changing hands: cancel it again")


def _wake_next(connection: Connection, conversation_id: str | None, news: News) -> None:
    """The cancelled job may have held up the rest of its conversation."""
    if conversation_id is None:
        return
    following = connection.execute(
        select(jobs.c.id, jobs.c.priority, jobs.c.enqueued_at).where(
            jobs.c.conversation_id == conversation_id, jobs.c.state == JobState.QUEUED, turn_has_come()
        )
    ).all()
    news.wakes.update({row.id: wake_score(row.priority, row.enqueued_at) for row in following})
