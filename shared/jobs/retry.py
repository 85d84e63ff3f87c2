"""Giving an ended job another go. Its journal stays: finished steps are not paid for again."""

from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, case, insert, null, select, update

from shared.db.tables import job_events, jobs
from watchkeeper.clock import db_now
from watchkeeper.contract import wake_score
from watchkeeper.errors import JobNotFound
from watchkeeper.news import News
from watchkeeper.states import JobState

_AGAIN: Final = (JobState.FAILED, JobState.CANCELLED, JobState.DEAD)


class Retrying(StrEnum):
    """What became of the wish."""

    QUEUED = "queued"  # it runs again, from its first missing step
    COMPLETED = "completed"  # refused: it has its answer, and a job has one result
    UNFINISHED = "unfinished"  # refused: it has not ended yet


def retry_job(connection: Connection, job_id: str, *, by: str, news: News) -> Retrying:
    """Queue the ended job again in the caller's transaction; `tell` the `news` after the commit.

    A deadline that has passed is dropped: it would end the job again at once.

    Raises:
        JobNotFound: there is none of that id.
    """
    before = connection.execute(
        select(jobs.c.state, jobs.c.error_cause, jobs.c.steps, jobs.c.deadline).where(jobs.c.id == job_id)
    ).one_or_none()
    if before is None:
        raise JobNotFound(f"there is no job {job_id!r}: see `watchkeeper jobs ls`")
    if before.state == JobState.COMPLETED:
        return Retrying.COMPLETED
    if before.state not in _AGAIN:
        return Retrying.UNFINISHED
    row = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == before.state)
        .values(
            state=JobState.QUEUED,
            cancel_requested=False,
            error_cause=null(),
            error_message=null(),
            finished_at=null(),
            run_after=null(),
            woken_at=null(),
            claimed_by=null(),
            yields=0,
            crashes=0,
            crashes_alone=0,
            deadline=case((jobs.c.deadline <= db_now(), null()), else_=jobs.c.deadline),
        )
        .returning(jobs.c.priority, jobs.c.enqueued_at, jobs.c.deadline)
    ).first()
    if row is None:
        return Retrying.UNFINISHED  # somebody else was first
    ended = before.state if before.error_cause in (None, before.state) else f"{before.state} ({before.error_cause})"
    dropped = "; its deadline had passed and was dropped" if before.deadline and row.deadline is None else ""
    detail = f"by {by}: it had ended as {ended} with {before.steps} steps finished{dropped}"
    connection.execute(insert(job_events).values(job_id=job_id, at=db_now(), event="retried", detail=detail))
    news.retold.append(job_id)
    news.wakes[job_id] = wake_score(row.priority, row.enqueued_at)
    return Retrying.QUEUED
