"""Fails jobs whose deadline passed before a worker took them; a running job's worker sees to it itself."""

from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, update

from scheduler.report import Report
from shared.db.tables import jobs
from watchkeeper.clock import db_now
from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE
from watchkeeper.states import JobState

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 2.0


class Deadlines:
    """One UPDATE; the news go out afterwards and may get lost (waiters look into SQL)."""

    def __init__(self, engine: Engine, client: "redis.Redis") -> None:
        self._engine = engine
        self._client = client

    def run_once(self, now_ms: int) -> Report:
        """Fail what is late."""
        with self._engine.begin() as connection:
            late = list(
                connection.execute(
                    update(jobs)
                    .where(
                        jobs.c.state.in_([JobState.QUEUED, JobState.WAITING, JobState.PARKED]),
                        jobs.c.deadline <= db_now(),
                    )
                    .values(
                        state=JobState.FAILED,
                        finished_at=db_now(),
                        error_cause="deadline",
                        error_message="the deadline passed before the job could be finished",
                    )
                    .returning(jobs.c.id)
                ).scalars()
            )
        if late:
            log.warning("jobs.late", count=len(late), first=late[0])
            self._announce(late)
        return Report({"failed": len(late)})

    def _announce(self, late: list[str]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.zrem(WAKE_QUEUE, *late)
        for job_id in late:
            pipeline.publish(DONE_CHANNEL + job_id, "done")
        try:
            pipeline.execute()
        except RedisError as error:
            log.warning("jobs.late_unannounced", error=str(error), advice="waiters find it in SQL")
