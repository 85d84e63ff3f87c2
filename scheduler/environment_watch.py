"""Reads the leader's environment and `.env` and publishes what changed: fixing a key there needs no restart."""

from pathlib import Path
from typing import Final

import redis
import structlog
from sqlalchemy import Engine

from scheduler.report import Report
from shared.config.environment_keys import EnvironmentProvider, environment_providers
from shared.config.environment_sync import Sealer, sync_environment
from shared.config.publishing import newest_generation, publish, ring
from shared.config.servable import unserved
from shared.config.snapshot import Snapshot
from shared.db.reading import reading
from shared.environment import read_environment
from shared.errors import ConfigurationError

log = structlog.get_logger()

INTERVAL_SECONDS: Final = 1.5


class EnvironmentWatch:
    """Works only when the environment or the configuration changed since its last run (a key removed from the
    database may free the same one of the environment). A broken file changes nothing and is told once.

    A change is used when two looks in a row found the same: an editor or `cp` may be in the middle of writing. The
    very first look counts at once, so that a start does not wait.
    """

    def __init__(self, engine: Engine, client: "redis.Redis", sealer: Sealer, directory: Path) -> None:
        self._engine = engine
        self._client = client
        self._sealer = sealer
        self._directory = directory
        self._seen: tuple[dict[str, str], int] | None = None
        self._looked: dict[str, str] | str | None = None
        self._complained: str | None = None

    def run_once(self, now_ms: int) -> Report:
        """Sync and publish."""
        found: dict[str, EnvironmentProvider] = {}
        look: dict[str, str] | str
        try:
            environ = read_environment(self._directory)
            found = environment_providers(environ)
            look = environ
        except ConfigurationError as error:
            look = str(error)
        before, self._looked = self._looked, look
        if before is not None and look != before:
            return Report()
        if isinstance(look, str):
            self._complain(look)
            return Report()
        with reading(self._engine) as connection:
            generation = newest_generation(connection)
        if (look, generation) == self._seen:
            return Report()
        with self._engine.begin() as connection:
            sync_environment(connection, found, self._sealer)
            # What the environment says is so, whoever loses by it: it is told, not refused.
            snapshot = publish(connection, author="scheduler", comment="environment or .env changed", force=True)
        self._seen, self._complained = (look, snapshot.generation if snapshot else generation), None
        if snapshot is None:
            return Report()
        ring(self._client, snapshot.generation)
        log.info(
            "config.published",
            generation=snapshot.generation,
            keys={name: list(provider.keys) for name, provider in found.items()},
        )
        _warn(snapshot)
        return Report({"published": 1})

    def _complain(self, words: str) -> None:
        if words != self._complained:
            log.error("environment.unusable", error=words, advice="what was read before stays in force")
        self._complained = words


def _warn(snapshot: Snapshot) -> None:
    nobody = unserved(snapshot)
    if nobody:
        log.warning(
            "config.agents_unserved", agents=nobody, advice="their jobs park until a provider of theirs has a key"
        )
    if "sandbox" in snapshot.providers:
        log.warning("sandbox.in_use", advice="no real key is configured: answers are made up by the sandbox")
