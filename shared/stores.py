"""Both stores of a process, opened and checked the same way everywhere; problems end the start with what to do."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, select, update

from shared.clock import SystemClock
from shared.db.migrate import migrate, require_current
from shared.db.problems import translated
from shared.db.reading import reading
from shared.db.tables import installation
from shared.redis.checks import check_redis
from shared.redis.connect import connect_redis, redis_problems
from shared.settings import Settings
from shared.vault import Vault, load_vault
from watchkeeper.engine import build_engine

log = structlog.get_logger()

_STORE_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Stores:
    """What every process of the service works with."""

    engine: Engine
    redis: "redis.Redis"
    vault: Vault
    salt: str

    def close(self) -> None:
        """Close every connection."""
        self.redis.close()
        self.engine.dispose()


def open_database(settings: Settings, *, name: str, pool_size: int) -> Engine:
    """The database, at this code's schema; the embedded one is created and migrated by whoever comes first.

    Raises:
        StoreError: unreachable, not migrated, or newer than this code.
    """
    if settings.locations.embedded_database:
        settings.locations.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = build_engine(settings.locations.database_url, pool_size=pool_size, application_name=name)
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        if settings.locations.embedded_database:
            migrate(engine)
        else:
            require_current(engine)
        undo.pop_all()
    return engine


def open_vault(settings: Settings, engine: Engine) -> tuple[Vault, str]:
    """The vault, proven to open what is stored, and the installation's fingerprint salt.

    Raises:
        MasterKeyError: no master key, or the wrong one.
    """
    vault = load_vault(settings.environ, settings.locations.home, embedded=settings.locations.embedded_database)
    with translated(engine.url), reading(engine) as connection:
        row = connection.execute(select(installation)).one()
    if row.master_key_check is None:
        with translated(engine.url), engine.begin() as connection:
            connection.execute(
                update(installation)
                .where(installation.c.master_key_check.is_(None))
                .values(master_key_check=vault.seal_check())
            )
            row = connection.execute(select(installation)).one()
    vault.verify(row.master_key_check)
    return vault, row.fingerprint_salt


def _await_store(client: "redis.Redis") -> None:
    """A Procfile starts everything at once: give the embedded store time to come up.

    Raises:
        redis.exceptions.RedisError: it did not.
    """
    clock = SystemClock()
    begun = clock.monotonic()
    while True:
        try:
            client.ping()
        except RedisError:
            if clock.monotonic() - begun > _STORE_SECONDS:
                raise
            time.sleep(0.1)
        else:
            return


def open_stores(
    settings: Settings, *, name: str, pool_size: int, block_seconds: float = 0.0, engine: Engine | None = None
) -> Stores:
    """Everything, checked.

    Args:
        engine: given by whoever started this process, and has checked schema and Redis.

    Raises:
        StoreError, MasterKeyError: with what to do.
    """
    checked = engine is not None
    engine = engine or open_database(settings, name=name, pool_size=pool_size)
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        vault, salt = open_vault(settings, engine)
        url = settings.locations.redis_url
        with redis_problems(url):
            client = connect_redis(url, connections=pool_size, block_seconds=block_seconds)
            undo.callback(client.close)
            if settings.locations.embedded_redis:
                _await_store(client)
            for warning in () if checked else check_redis(client).warnings:
                log.warning("redis.unfit", advice=warning)
        undo.pop_all()
    return Stores(engine, client, vault, salt)
