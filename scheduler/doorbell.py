"""Keeps Redis's generation key equal to SQL's newest: Redis may have been empty, restored or away."""

from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine

from scheduler.report import Report
from shared.config.publishing import newest_generation, ring
from shared.db.reading import reading
from shared.redis.names import GENERATION

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 1.0


class Doorbell:
    """SQL is where the number lives."""

    def __init__(self, engine: Engine, client: "redis.Redis") -> None:
        self._engine = engine
        self._client = client
        self._away = False

    def run_once(self, now_ms: int) -> Report:
        """Ring when Redis says something else than SQL."""
        with reading(self._engine) as connection:
            newest = newest_generation(connection)
        try:
            rung = self._client.get(GENERATION)
        except RedisError as error:
            if not self._away:
                log.warning("doorbell.redis_away", error=str(error), advice="workers ask SQL meanwhile")
            self._away = True
            return Report()
        self._away = False
        if newest == 0 or rung == str(newest):
            return Report()
        log.info("doorbell.rung", generation=newest, redis_said=rung)
        return Report({"rung": int(ring(self._client, newest))})
