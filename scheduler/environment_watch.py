"""Reads the leader's environment and `.env` and publishes what changed: fixing a key there needs no restart."""

from pathlib import Path
from typing import Final

import redis
import structlog
from sqlalchemy import Engine

from scheduler.report import Report
from shared.config.environment_keys import environment_providers
from shared.config.environment_sync import Sealer, sync_environment
from shared.config.publishing import newest_generation, publish, ring
from shared.db.reading import reading
from shared.environment import read_environment
from shared.errors import ConfigurationError

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 2.0


class EnvironmentWatch:
    """Works only when the environment or the configuration changed since its last run (a key removed from the
    database may free the same one of the environment). A broken file changes nothing and is told once."""

    def __init__(self, engine: Engine, client: "redis.Redis", sealer: Sealer, directory: Path) -> None:
        self._engine = engine
        self._client = client
        self._sealer = sealer
        self._directory = directory
        self._seen: tuple[dict[str, str], int] | None = None
        self._complained: str | None = None

    def run_once(self, now_ms: int) -> Report:
        """Sync and publish."""
        try:
            environ = read_environment(self._directory)
            with reading(self._engine) as connection:
                generation = newest_generation(connection)
            if (environ, generation) == self._seen:
                return Report()
            found = environment_providers(environ)
        except ConfigurationError as error:
            if str(error) != self._complained:
                log.error("environment.unusable", error=str(error), advice="what was read before stays in force")
            self._complained = str(error)
            return Report()
        with self._engine.begin() as connection:
            sync_environment(connection, found, self._sealer)
            snapshot = publish(connection, author="scheduler", comment="environment or .env changed")
        self._seen, self._complained = (environ, snapshot.generation if snapshot else generation), None
        if snapshot is None:
            return Report()
        ring(self._client, snapshot.generation)
        log.info(
            "config.published",
            generation=snapshot.generation,
            keys={name: list(provider.keys) for name, provider in found.items()},
        )
        if "sandbox" in snapshot.providers:
            log.warning("sandbox.in_use", advice="no real key is configured: answers are made up by the sandbox")
        return Report({"published": 1})
