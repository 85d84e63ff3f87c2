"""Makes due jobs ready and sends (again) the wake-ups that nobody acted on."""

from typing import Any, Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine, RowMapping, bindparam, or_, select, update

from scheduler.report import Report
from shared.db.tables import jobs
from shared.jobs.turns import turn_has_come
from watchkeeper.clock import db_now
from watchkeeper.contract import WAKE_QUEUE, wake_score
from watchkeeper.states import JobState

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 0.5
RESEND_SECONDS: Final = 10.0
"""A wake-up is sent again when its job is still queued after this long. Redis keeps one per job (ZADD NX)."""

_BATCH: Final = 2000


class Stager:
    """Reads SQL only; Redis away means the next run sends what this one could not."""

    def __init__(self, engine: Engine, client: "redis.Redis") -> None:
        self._engine = engine
        self._client = client

    def run_once(self, now_ms: int) -> Report:
        """Ready what is due, wake what sleeps."""
        with self._engine.begin() as connection:
            readied = self._ready(connection)
            asleep = self._asleep(connection)
        woken = self._wake(asleep)
        return Report({"readied": readied, "woken": woken})

    def _ready(self, connection: Connection) -> int:
        due = (
            select(jobs.c.id)
            .where(jobs.c.state.in_([JobState.WAITING, JobState.PARKED]), jobs.c.run_after <= db_now())
            .limit(_BATCH)
        )
        return connection.execute(
            update(jobs)
            .where(jobs.c.id.in_(due), jobs.c.state.in_([JobState.WAITING, JobState.PARKED]))
            .values(state=JobState.QUEUED, woken_at=None)
        ).rowcount

    def _asleep(self, connection: Connection) -> list[RowMapping]:
        stale = db_now() - int(RESEND_SECONDS * 1000)
        return list(
            connection.execute(
                select(jobs.c.id, jobs.c.priority, jobs.c.enqueued_at)
                .where(
                    jobs.c.state == JobState.QUEUED,
                    or_(jobs.c.woken_at.is_(None), jobs.c.woken_at < stale),
                    turn_has_come(),
                )
                .order_by(jobs.c.priority, jobs.c.enqueued_at)
                .limit(_BATCH)
            ).mappings()
        )

    def _wake(self, asleep: list[RowMapping]) -> int:
        if not asleep:
            return 0
        scores: dict[Any, float] = {row["id"]: wake_score(row["priority"], row["enqueued_at"]) for row in asleep}
        try:
            added = self._client.zadd(WAKE_QUEUE, scores, nx=True)
        except RedisError as error:
            log.warning("stager.redis_away", jobs=len(asleep), error=str(error), advice="sent once Redis is back")
            return 0
        with self._engine.begin() as connection:
            connection.execute(
                update(jobs)
                .where(jobs.c.id == bindparam("job"), jobs.c.state == JobState.QUEUED)
                .values(woken_at=db_now()),
                # Locked in one order, whoever else updates several: less to wait for each other.
                [{"job": job_id} for job_id in sorted(row["id"] for row in asleep)],
            )
        return int(added)  # type: ignore[arg-type]
