"""How a command gets at the stores: the same settings, limits and words everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from sqlalchemy import Engine

from shared.db.problems import translated
from shared.errors import DatabaseUnavailable
from shared.redis.connect import connect_redis
from shared.settings import Settings, load_settings
from watchkeeper.engine import build_engine

if TYPE_CHECKING:
    from shared.config.environment_sync import Sealer


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with. Redis connects on first use, so that an outage of it hinders only who needs it."""

    settings: Settings
    engine: Engine
    redis: "redis.Redis"

    def sealer(self) -> "Sealer":
        """What stores keys; raises MasterKeyError when the master key is missing or wrong."""
        from shared.config.environment_sync import Sealer
        from shared.stores import open_vault

        return Sealer(*open_vault(self.settings, self.engine))


@contextmanager
def opened(*, create: bool = False) -> Iterator[Opened]:
    """Settings and stores for one command; `create`: a home that is not there yet is made.

    Raises:
        StoreError: SQL is away or not migrated, also for what goes wrong inside the block.
    """
    settings = load_settings()
    engine = _create(settings) if create else _find(settings)
    client = connect_redis(settings.locations.redis_url, connections=1)
    try:
        with translated(engine.url):
            yield Opened(settings, engine, client)
    finally:
        client.close()
        engine.dispose()


def _create(settings: Settings) -> Engine:
    from console.cli.quiet import quiet_logs
    from shared.stores import open_database  # loads alembic

    quiet_logs()
    return open_database(settings, name="watchkeeper-cli", pool_size=2)


def _find(settings: Settings) -> Engine:
    # Whether the schema is current is not asked: alembic would double the time a look takes. Missing tables are told.
    require_home(settings)
    return build_engine(settings.locations.database_url, pool_size=2, application_name="watchkeeper-cli")


def require_home(settings: Settings) -> None:
    """Raise DatabaseUnavailable where no Watchkeeper has ever run: looking must not make a home."""
    locations = settings.locations
    if locations.embedded_database and not (locations.home / "watchkeeper.db").exists():
        raise DatabaseUnavailable(
            f"there is no Watchkeeper at {locations.home} yet: start one with `watchkeeper up`, or name the right "
            "one with WATCHKEEPER_HOME or DATABASE_URL"
        )
