"""One life of one worker process: who it is, and its row in SQL from its start to its end."""

import os
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Engine, insert, update
from sqlalchemy.exc import SQLAlchemyError

from shared.db.tables import incarnations
from shared.stores import Stores
from shared.supervision.untold import Untold, leave_untold
from watchkeeper.clock import db_now

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this worker is: one life of one process."""

    incarnation: str
    host: str
    supervisor: str | None = None
    alone_with: str | None = None  # the one job it was started for


def register(engine: Engine, identity: Identity, *, threads: int) -> None:
    """Write its row; its heartbeats change it from then on.

    Raises:
        SQLAlchemyError: SQL is away; nothing may start without a row.
    """
    with engine.begin() as connection:
        connection.execute(
            insert(incarnations).values(
                id=identity.incarnation,
                host=identity.host,
                pid=os.getpid(),
                started_at=db_now(),
                heartbeat=0,
                heartbeat_at=db_now(),
                threads=threads,
                supervisor=identity.supervisor,
                alone_with=identity.alone_with,
            )
        )


def sign_off(stores: Stores, identity: Identity, why: str, *, sql_answers: bool = True) -> None:
    """Say that it ended by itself: in its row, or while SQL is away to the scheduler, which writes it there later."""
    problem = "it did not store the last operations"
    if sql_answers:
        try:
            with stores.engine.begin() as connection:
                connection.execute(
                    update(incarnations)
                    .where(incarnations.c.id == identity.incarnation, incarnations.c.ended_at.is_(None))
                    .values(ended_at=db_now(), ended_why=why, running=0)
                )
        except SQLAlchemyError as error:
            problem = type(error).__name__
        else:
            return
    advice = "SQL is away: the scheduler gives its jobs to others once it is back"
    try:
        leave_untold(stores.redis, [Untold(identity.incarnation, why)])
    except RedisError:
        advice = "SQL and Redis are away: its supervisor tells of its end later, or its standing heartbeat does"
    log.warning("worker.unsigned", error=problem, advice=advice)
