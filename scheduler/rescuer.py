"""Gives the jobs of dead incarnations to live ones.

Dead is: signed off, given up by whoever started it, or a heartbeat that stood still for DEAD_AFTER_SECONDS of time in
which this process itself could read the database. A job's age never counts, nor does any clock of another host.
"""

from dataclasses import dataclass
from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, bindparam, case, insert, select, update

from scheduler.report import Report
from shared.clock import Clock
from shared.db.reading import reading
from shared.db.tables import incarnations, job_events, jobs
from shared.settings import DEAD_AFTER_SECONDS
from watchkeeper.clock import db_now
from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE, wake_score
from watchkeeper.states import JobState

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 0.5
_LONGEST_STEP_SECONDS: Final = 2.0  # a longer gap between two looks is our own outage and does not count


@dataclass(slots=True)
class _Watched:
    heartbeat: int
    still_seconds: float = 0.0


class Rescuer:
    """Keeps its observations in memory: a new leader starts to watch anew, which only delays."""

    def __init__(self, engine: Engine, client: "redis.Redis", clock: Clock) -> None:
        self._engine = engine
        self._client = client
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._looked_at: float | None = None

    def run_once(self, now_ms: int) -> Report:
        """Look at the heartbeats, give up who stands still, return what the dead held."""
        given_up = self._give_up(self._observe())
        with self._engine.begin() as connection:
            rescued, cancelled = _return_jobs(connection)
        if rescued or cancelled:
            log.warning("jobs.rescued", count=len(rescued), cancelled=len(cancelled), first=[*rescued, *cancelled][0])
            self._tell(rescued, cancelled)
        return Report({"given_up": given_up, "rescued": len(rescued), "cancelled": len(cancelled)})

    def _tell(self, rescued: dict[str, float], cancelled: list[str]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        if rescued:
            pipeline.zadd(WAKE_QUEUE, rescued, nx=True)
        for job_id in cancelled:
            pipeline.publish(DONE_CHANNEL + job_id, "done")
        try:
            pipeline.execute()
        except RedisError as error:
            log.warning("rescuer.redis_away", error=str(error), advice="the stager wakes them once it is back")

    def _observe(self) -> dict[str, int]:
        """Live incarnations that stood still too long, with the heartbeat they stopped at."""
        with reading(self._engine) as connection:
            alive = dict(
                connection.execute(
                    select(incarnations.c.id, incarnations.c.heartbeat).where(incarnations.c.ended_at.is_(None))
                ).all()
            )
        now = self._clock.monotonic()
        step = 0.0 if self._looked_at is None else min(now - self._looked_at, _LONGEST_STEP_SECONDS)
        self._looked_at = now
        watched: dict[str, _Watched] = {}
        for incarnation, heartbeat in alive.items():
            before = self._watched.get(incarnation)
            stood_still = before is not None and before.heartbeat == heartbeat
            watched[incarnation] = _Watched(heartbeat, before.still_seconds + step if before and stood_still else 0.0)
        self._watched = watched
        return {id: w.heartbeat for id, w in watched.items() if w.still_seconds >= DEAD_AFTER_SECONDS}

    def _give_up(self, still: dict[str, int]) -> int:
        given_up = 0
        for incarnation, heartbeat in still.items():
            with self._engine.begin() as connection:
                given_up += connection.execute(
                    update(incarnations)
                    .where(
                        incarnations.c.id == incarnation,
                        incarnations.c.heartbeat == heartbeat,
                        incarnations.c.ended_at.is_(None),
                    )
                    .values(ended_at=db_now(), ended_why="heartbeat stood still", running=0)
                ).rowcount
            log.error("worker.given_up", incarnation=incarnation, stood_still_seconds=DEAD_AFTER_SECONDS)
        return given_up


def _return_jobs(connection: Connection) -> tuple[dict[str, float], list[str]]:
    """Make the jobs of the dead ready again: their wake-ups by job id, and those a cancel had been asked for."""
    alive = (
        select(incarnations.c.id)
        .where(incarnations.c.id == jobs.c.claimed_by, incarnations.c.ended_at.is_(None))
        .exists()
    )
    orphaned = connection.execute(
        select(jobs.c.id, jobs.c.claimed_by, jobs.c.steps).where(jobs.c.state == JobState.RUNNING, ~alive)
    ).all()
    if not orphaned:
        return {}, []
    rescued = connection.execute(
        update(jobs)
        .where(jobs.c.id.in_([row.id for row in orphaned]), jobs.c.state == JobState.RUNNING, ~alive)
        .values(
            state=case((jobs.c.cancel_requested, JobState.CANCELLED), else_=JobState.QUEUED),
            finished_at=case((jobs.c.cancel_requested, db_now()), else_=None),
            error_cause=case((jobs.c.cancel_requested, "cancelled"), else_=None),
            claimed_by=None,
            woken_at=None,
        )
        .returning(jobs.c.id, jobs.c.state, jobs.c.priority, jobs.c.enqueued_at)
    ).all()
    changed = {row.id for row in rescued}
    events = [
        {"job": row.id, "detail": f"worker {row.claimed_by} died; goes on after step {row.steps}"}
        for row in orphaned
        if row.id in changed
    ]
    if events:
        connection.execute(
            insert(job_events).values(
                job_id=bindparam("job"), at=db_now(), event="rescued", detail=bindparam("detail")
            ),
            events,
        )
    cancelled = [row.id for row in rescued if row.state == JobState.CANCELLED]
    ready = {row.id: wake_score(row.priority, row.enqueued_at) for row in rescued if row.state == JobState.QUEUED}
    return ready, cancelled
