"""Publishing: the tables become a numbered snapshot in SQL, then the doorbell rings in Redis."""

from dataclasses import replace

import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, func, insert, select, text

from shared.config.compiling import compile_snapshot
from shared.config.servable import Unservable, new_faults
from shared.config.snapshot import Snapshot
from shared.db.tables import snapshots
from shared.errors import ConfigurationError
from shared.jobs.due import make_due
from shared.redis.names import GENERATION, NEWS_OF_CONFIGURATION
from watchkeeper.clock import db_now

log = structlog.get_logger()

_LOCK = 8_700_002  # PostgreSQL advisory lock: one publish at a time, each seeing what the one before committed


def hold(connection: Connection) -> None:
    """Let nobody else publish until the caller's transaction ends."""
    if connection.dialect.name == "postgresql":  # on SQLite the transaction itself is the only writer
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def publish(connection: Connection, *, author: str, comment: str, force: bool = False) -> Snapshot | None:
    """Write the snapshot the tables describe, in the caller's transaction; None when nothing changed.

    Jobs that wait for keys become due: the change may be what they waited for. Call `ring` after the commit.

    Args:
        force: publish although agents lose everybody they could ask; their jobs park.

    Raises:
        Unservable: the change would do that, or a chain names a model without credentials; roll back.
    """
    hold(connection)
    newest = _replaceable(connection)
    candidate = compile_snapshot(connection, newest.generation + 1)
    if newest.generation and replace(candidate, generation=newest.generation).digest == newest.digest:
        return None
    faults = [] if force else new_faults(newest, candidate)
    if faults:
        raise Unservable(faults)
    connection.execute(
        insert(snapshots).values(
            generation=candidate.generation,
            content=candidate.to_json(),
            digest=candidate.digest,
            author=author,
            comment=comment,
            published_at=db_now(),
        )
    )
    make_due(connection)
    return candidate


def _replaceable(connection: Connection) -> Snapshot:
    """The snapshot that counts; empty when it cannot be read, so that a good one can take its place."""
    try:
        return load_newest(connection)
    except ConfigurationError as error:
        log.warning("config.unreadable", error=str(error), advice="what is published now takes its place")
        return Snapshot(newest_generation(connection))


def ring(redis: "Redis", generation: int) -> bool:
    """Tell the fleet the generation to run on. False when Redis is away: the scheduler rings again later."""
    try:
        pipeline = redis.pipeline(transaction=True)
        pipeline.set(GENERATION, generation)
        pipeline.publish(NEWS_OF_CONFIGURATION, generation)
        pipeline.execute()
    except RedisError as error:
        log.warning(
            "config.doorbell_failed",
            generation=generation,
            error=str(error),
            advice="the change is stored; the scheduler rings again once Redis is back",
        )
        return False
    return True


def newest_generation(connection: Connection) -> int:
    """The generation that counts; 0 before the first publish."""
    return int(connection.execute(select(func.coalesce(func.max(snapshots.c.generation), 0))).scalar_one())


def newest_print(connection: Connection) -> tuple[int, str]:
    """Generation and stored digest of the snapshot that counts: after a restore the number alone may be reused."""
    row = connection.execute(
        select(snapshots.c.generation, snapshots.c.digest).order_by(snapshots.c.generation.desc()).limit(1)
    ).first()
    return (0, "") if row is None else (row.generation, row.digest)


def load_newest(connection: Connection) -> Snapshot:
    """The snapshot that counts; the empty one before the first publish.

    Raises:
        ConfigurationError: it was written by code with another idea of it, or damaged.
    """
    row = connection.execute(
        select(snapshots.c.generation, snapshots.c.content).order_by(snapshots.c.generation.desc()).limit(1)
    ).first()
    return Snapshot(0) if row is None else _read(row.generation, row.content)


def load_generation(connection: Connection, generation: int) -> Snapshot:
    """An older snapshot.

    Raises:
        ConfigurationError: there is none of that number, or it was written by code with another idea of it.
    """
    row = connection.execute(select(snapshots.c.content).where(snapshots.c.generation == generation)).first()
    if row is None:
        raise ConfigurationError(f"there is no generation {generation}: see `watchkeeper config history`")
    return _read(generation, row.content)


def _read(generation: int, content: str) -> Snapshot:
    try:
        return Snapshot.from_json(generation, content)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"generation {generation} of the configuration cannot be read by this version ({type(error).__name__}: "
            f"{error}): publish a good one (`watchkeeper config history`, `watchkeeper config rollback GENERATION`), "
            "or update this version"
        ) from error
