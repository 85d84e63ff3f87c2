"""Bring a database to this code's schema, and tell clearly when it is not there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from shared.db.problems import translated
from shared.errors import DatabaseVersionError

_LOCK = 8_700_001  # PostgreSQL advisory lock: one migration at a time


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Run the missing migrations under a lock. Returns the revision before and after.

    Raises:
        DatabaseVersionError: the database is newer than this code.
        DatabaseUnavailable: it cannot be reached.
    """
    with translated(engine.url), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
        try:
            with connection.begin():
                before = current_revision(connection)
                head = _head()
                if before == head:
                    return before, head
                _refuse_newer(before)
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            return before, head
        finally:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
                connection.commit()


def require_current(engine: Engine) -> None:
    """Raise DatabaseVersionError unless the database has exactly this code's schema."""
    with translated(engine.url), engine.connect() as connection:
        revision = current_revision(connection)
    head = _head()
    if revision == head:
        return
    _refuse_newer(revision)
    found = (
        "has no Watchkeeper tables yet" if revision is None else f"is at revision {revision}, this code needs {head}"
    )
    raise DatabaseVersionError(f"the database {found}: run `watchkeeper migrate`")


def current_revision(connection: Connection) -> str | None:
    """The revision the database is at; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseVersionError(
            f"the database is newer than this code (revision {revision} is unknown here): update this installation"
        )


def _head() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise DatabaseVersionError("this installation ships no migrations: reinstall it")
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config
