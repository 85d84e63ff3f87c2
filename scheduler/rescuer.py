"""Gives the jobs of dead incarnations to live ones.

Dead is: signed off, given up by whoever started it, or a heartbeat that stood still for DEAD_AFTER_SECONDS of time in
which this process itself could read and write the database: who can only read sees every heart stand still. A job's
age never counts, nor does any clock of another host.
"""

from dataclasses import dataclass
from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, select, update

from scheduler.report import Report
from scheduler.returning import Returned, return_jobs
from shared.clock import Clock
from shared.db.reading import reading
from shared.db.tables import incarnations
from shared.jobs.alone import add_wake_ups
from shared.settings import DEAD_AFTER_SECONDS
from watchkeeper.clock import db_now
from watchkeeper.contract import ALONE_QUEUE, DONE_CHANNEL

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 0.5
_DOUBTED_AFTER_SECONDS: Final = 3.0  # a row that stood still for so long is written by us too, to see that it can be
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
        began = self._clock.monotonic()
        still = self._observe(began)
        self._looked_at = None
        given_up = self._give_up(still)
        with self._engine.begin() as connection:
            self._touch(connection)
            returned = return_jobs(connection)
        self._looked_at = began  # only time after a look in which all could be written counts
        if returned.rescued or returned.ended:
            log.warning(
                "jobs.rescued",
                count=len(returned.rescued),
                cancelled=len(returned.cancelled),
                first=[*returned.rescued, *returned.ended][0],
            )
            self._tell(returned)
        return Report(
            {
                "given_up": given_up,
                "rescued": len(returned.rescued),
                "cancelled": len(returned.cancelled),
                "dead": len(returned.dead),
            }
        )

    def _tell(self, returned: Returned) -> None:
        for job_id in returned.dead:
            log.error(
                "job.poisoned",
                job=job_id,
                advice="it crashed workers again and again, at last alone: `watchkeeper jobs show` has the evidence",
            )
        for job_id in returned.wakes.get(ALONE_QUEUE, ()):
            log.warning("job.runs_alone", job=job_id, advice="workers crashed with it in hand")
        pipeline = self._client.pipeline(transaction=False)
        for queue, scores in returned.wakes.items():
            add_wake_ups(pipeline, queue, scores)
        for job_id in returned.ended:
            pipeline.publish(DONE_CHANNEL + job_id, "done")
        try:
            pipeline.execute()
        except RedisError as error:
            log.warning("rescuer.redis_away", error=str(error), advice="the stager wakes them once it is back")

    def _touch(self, connection: Connection) -> None:
        """Write, and change nothing: a database that refuses or hinders this hinders the heartbeats too."""
        doubted = [id for id, watched in self._watched.items() if watched.still_seconds >= _DOUBTED_AFTER_SECONDS]
        if doubted:
            connection.execute(
                update(incarnations).where(incarnations.c.id.in_(doubted)).values(running=incarnations.c.running)
            )

    def _observe(self, now: float) -> dict[str, int]:
        """Live incarnations that stood still too long, with the heartbeat they stopped at."""
        with reading(self._engine) as connection:
            alive = dict(
                connection.execute(
                    select(incarnations.c.id, incarnations.c.heartbeat).where(incarnations.c.ended_at.is_(None))
                ).all()
            )
        step = 0.0 if self._looked_at is None else min(now - self._looked_at, _LONGEST_STEP_SECONDS)
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
