"""Asks supervisors to replace workers that have lived long enough; the policy is in `recycling_policy.py`."""

from dataclasses import dataclass
from typing import Any, Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, select

from scheduler.recycling_policy import Life, Recycle, choose
from scheduler.report import Report
from shared.clock import Clock
from shared.config.publishing import newest_generation
from shared.db.reading import reading
from shared.db.tables import incarnations
from shared.supervision.limits import Limits
from shared.supervision.orders import Action, Order, send_order
from watchkeeper.clock import db_now

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 1.0
ASK_AGAIN_SECONDS: Final = 60.0
_BY: Final = "scheduler"


@dataclass(slots=True)
class _Watched:
    """What one look does not show."""

    heartbeat: int = -1
    generation: int | None = None
    lagging_beats: int = 0
    behind_since: float | None = None
    asked_at: float | None = None


class Recycling:
    """Keeps its observations in memory: a new leader observes anew, which only delays."""

    def __init__(self, engine: Engine, client: "redis.Redis", clock: Clock, limits: Limits) -> None:
        self._engine = engine
        self._client = client
        self._clock = clock
        self._limits = limits
        self._watched: dict[str, _Watched] = {}
        self._away = False

    def run_once(self, now_ms: int) -> Report:
        """Look at the living, decide, ask."""
        chosen = choose(self._lives(), self._limits)
        return Report({"asked": sum(self._ask(recycle) for recycle in chosen)})

    def _lives(self) -> list[Life]:
        with reading(self._engine) as connection:
            newest = newest_generation(connection)
            rows = connection.execute(
                select(incarnations, (db_now() - incarnations.c.started_at).label("age_ms")).where(
                    incarnations.c.ended_at.is_(None),
                    incarnations.c.supervisor.is_not(None),
                    incarnations.c.alone_with.is_(None),
                )
            ).all()
        self._watched = {row.id: self._watched.get(row.id, _Watched()) for row in rows}
        # A snapshot nobody can build is nobody's fault: a replacement could not build it either.
        reached = any(row.generation == newest for row in rows)
        return [self._life(row, newest, reached) for row in rows]

    def _life(self, row: Any, newest: int, reached: bool) -> Life:
        now = self._clock.monotonic()
        watched = self._watched[row.id]
        if row.heartbeat != watched.heartbeat:
            lags = self._limits.loop_lag_ms and (row.loop_lag_ms or 0) >= self._limits.loop_lag_ms
            watched.lagging_beats = watched.lagging_beats + 1 if lags else 0
            watched.heartbeat = row.heartbeat
        behind = reached and row.generation is not None and row.generation != newest
        if not behind:
            watched.behind_since = None
        elif watched.behind_since is None or row.generation != watched.generation:
            watched.behind_since = now  # what moves is late, not stuck
        watched.generation = row.generation
        return Life(
            incarnation=row.id,
            supervisor=row.supervisor,
            draining=row.state == "draining",
            asked=watched.asked_at is not None and now - watched.asked_at < ASK_AGAIN_SECONDS,
            age_seconds=row.age_ms / 1000,
            jobs_done=row.jobs_done,
            rss_mb=row.rss_mb or 0,
            connections=row.connections or 0,
            lagging_beats=watched.lagging_beats,
            behind_seconds=0.0 if watched.behind_since is None else now - watched.behind_since,
        )

    def _ask(self, recycle: Recycle) -> bool:
        order = Order(Action.RECYCLE, why=recycle.why, by=_BY, incarnation=recycle.incarnation)
        try:
            send_order(self._client, recycle.supervisor, order)
        except RedisError as error:
            if not self._away:
                log.warning("recycling.redis_away", error=str(error), advice="asked again once Redis is back")
            self._away = True
            return False
        self._away = False
        self._watched[recycle.incarnation].asked_at = self._clock.monotonic()
        log.info(
            "worker.recycle_asked",
            incarnation=recycle.incarnation,
            supervisor=recycle.supervisor,
            why=recycle.why,
        )
        return True
