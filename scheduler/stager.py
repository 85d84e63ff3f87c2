"""Makes due jobs ready and sends (again) the wake-ups that nobody acted on."""

from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import BigInteger, Connection, Engine, RowMapping, and_, literal, or_, select, update

from scheduler.report import Report
from shared.db.tables import jobs
from shared.jobs.alone import ALONE_AT_CRASHES, add_wake_ups, queue_of
from shared.redis.names import WAKE_UPS_KEPT
from watchkeeper.clock import db_now
from watchkeeper.contract import wake_score
from watchkeeper.states import JobState
from watchkeeper.turns import turn_has_come

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
        self._told: set[str] = set()
        self._away = False
        self._losses = False  # some may be lost, and SQL could not be asked since when
        self._lost_before_ms = 0  # wake-ups sent until then may be lost

    def run_once(self, now_ms: int) -> Report:
        """Ready what is due, wake what sleeps."""
        self._losses = self._lost() or self._losses
        with self._engine.begin() as connection:
            if self._losses:
                self._lost_before_ms = int(connection.execute(select(db_now())).scalar_one())
                self._losses = False
            readied = self._ready(connection)
            asleep = self._asleep(connection)
        woken = self._wake(asleep)
        return Report({"readied": readied, "woken": woken})

    def _lost(self) -> bool:
        """True when Redis may have lost wake-ups since the last look: it was away, or it was wiped."""
        try:
            wiped = bool(self._client.set(WAKE_UPS_KEPT, "kept", nx=True))
        except RedisError as error:
            if not self._away:
                log.warning("stager.redis_away", error=str(error), advice="all wake-ups are sent once Redis is back")
            self._away = True
            return False
        was_away, self._away = self._away, False
        if wiped or was_away:
            log.info("stager.redis_back", wiped=wiped)
        return wiped or was_away

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
        resend_ms = int(RESEND_SECONDS * 1000)
        lost_before = literal(self._lost_before_ms, BigInteger)
        return list(
            connection.execute(
                select(jobs.c.id, jobs.c.priority, jobs.c.enqueued_at, jobs.c.crashes, jobs.c.woken_at)
                .where(
                    jobs.c.state == JobState.QUEUED,
                    or_(
                        jobs.c.woken_at.is_(None),
                        jobs.c.woken_at < db_now() - resend_ms,
                        jobs.c.woken_at > db_now() + resend_ms,  # its clock stepped back
                        and_(jobs.c.woken_at <= lost_before, lost_before <= db_now()),
                    ),
                    turn_has_come(),
                )
                .order_by(jobs.c.priority, jobs.c.enqueued_at)
                .limit(_BATCH)
            ).mappings()
        )

    def _wake(self, asleep: list[RowMapping]) -> int:
        if not asleep or self._away:
            return 0
        queues: dict[str, dict[str, float]] = {}
        for row in asleep:
            scores = queues.setdefault(queue_of(row["crashes"]), {})
            scores[row["id"]] = wake_score(row["priority"], row["enqueued_at"])
        pipeline = self._client.pipeline(transaction=False)
        for queue, scores in queues.items():
            add_wake_ups(pipeline, queue, scores)
        try:
            added: int = sum(pipeline.execute())
        except RedisError as error:
            self._away = True
            log.warning("stager.redis_away", error=str(error), advice="all wake-ups are sent once Redis is back")
            return 0
        # A row that is locked is being claimed: to wait for it would be a deadlock with a batch of claims.
        free = (
            select(jobs.c.id)
            .where(jobs.c.id.in_([row["id"] for row in asleep]), jobs.c.state == JobState.QUEUED)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.id.in_(free)).values(woken_at=db_now()))
        self._tell_of_lone([row["id"] for row in asleep if row["crashes"] >= ALONE_AT_CRASHES and row["woken_at"]])
        return added

    def _tell_of_lone(self, unheard: list[str]) -> None:
        """Once for each job that nobody took from its queue in RESEND_SECONDS."""
        for job_id in set(unheard) - self._told:
            log.warning(
                "job.waits_alone",
                job=job_id,
                advice="it crashed workers and needs a process of its own, which only a supervisor starts: is a "
                "`watchkeeper worker` running that is not busy with another such job?",
            )
            self._told.add(job_id)
