"""The worker processes that are believed alive."""

from typing import Any

from sqlalchemy import Connection, select

from shared.db.tables import incarnations
from watchkeeper.clock import db_now


def list_workers(connection: Connection) -> list[dict[str, Any]]:
    """The living, the oldest first. Ages are milliseconds on the database's clock."""
    return [
        dict(row)
        for row in connection.execute(
            select(
                incarnations.c.id,
                incarnations.c.host,
                incarnations.c.pid,
                incarnations.c.generation,
                incarnations.c.running,
                incarnations.c.threads,
                (db_now() - incarnations.c.started_at).label("age_ms"),
                (db_now() - incarnations.c.heartbeat_at).label("heartbeat_age_ms"),
            )
            .where(incarnations.c.ended_at.is_(None))
            .order_by(incarnations.c.started_at)
        ).mappings()
    ]
