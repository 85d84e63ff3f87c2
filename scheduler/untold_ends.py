"""Writes the ends of workers to SQL that could not do so themselves: SQL was away when they ended."""

from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, update

from scheduler.report import Report
from shared.db.tables import incarnations
from shared.supervision.untold import forget_untold, read_untold
from watchkeeper.clock import db_now

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 0.5


class UntoldEnds:
    """The rescuer's next look gives their jobs to others."""

    def __init__(self, engine: Engine, client: "redis.Redis") -> None:
        self._engine = engine
        self._client = client

    def run_once(self, now_ms: int) -> Report:
        """Write what was left; it is forgotten only once SQL has it."""
        try:
            ends = read_untold(self._client)
        except RedisError as error:
            log.debug("untold.redis_away", error=str(error))
            return Report()
        if not ends:
            return Report()
        written = 0
        with self._engine.begin() as connection:
            for end in sorted(ends, key=lambda end: end.incarnation):
                written += connection.execute(
                    update(incarnations)
                    .where(incarnations.c.id == end.incarnation, incarnations.c.ended_at.is_(None))
                    .values(ended_at=db_now(), ended_why=end.why, crashed=end.crashed, running=0)
                ).rowcount
        try:
            forget_untold(self._client, ends)
        except RedisError as error:
            log.debug("untold.redis_away", error=str(error))
        if written:
            log.info("workers.ends_told", count=written)
        return Report({"told": written})
