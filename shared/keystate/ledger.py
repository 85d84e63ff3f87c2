"""The SQL half of the key states: what Redis holds, and the story of it, written by whoever is first."""

from typing import Any

from sqlalchemy import Executable, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.tables import key_events, key_standings
from watchkeeper.clock import db_now

SET_ASIDE = "set_aside"
CLEARED = "cleared"
RESTORED = "restored"


def remember(dialect: str) -> Executable:
    """Store the standing of a subject; binds subject, since_ms, standing."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(key_standings).values(
        subject=bindparam("subject"), since_ms=bindparam("since_ms"), standing=bindparam("standing")
    )
    return statement.on_conflict_do_update(
        index_elements=["subject"],
        set_={"since_ms": statement.excluded.since_ms, "standing": statement.excluded.standing},
        where=key_standings.c.since_ms <= statement.excluded.since_ms,
    )


def forget() -> Executable:
    """Drop the standing of a subject, unless a newer one took its place; binds gone, gone_since."""
    return delete(key_standings).where(
        key_standings.c.subject == bindparam("gone"), key_standings.c.since_ms <= bindparam("gone_since")
    )


def tell(dialect: str) -> Executable:
    """Write an event, once; binds every column but id and at."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    names = [column.name for column in key_events.c if column.name not in ("id", "at")]
    values: dict[str, Any] = {name: bindparam(name) for name in names}
    return (
        insert(key_events)
        .values(at=db_now(), **values)
        .on_conflict_do_nothing(index_elements=["subject", "since_ms", "event"])
    )
