"""Which database the writer speaks to, by its URL."""

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect, make_url

from workers.journal.database import Database
from workers.journal.postgres_database import PostgresDatabase
from workers.journal.sqlite_database import SqliteDatabase


def dialect_of(url: str) -> Dialect:
    """What the writer's statements are prepared for; no connection is needed."""
    if make_url(url).get_backend_name() == "sqlite":
        return sqlite.dialect(paramstyle="named")
    return postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


def open_database(url: str) -> Database:
    """The writer's connection to `url`.

    Raises:
        sqlite3.Error, psycopg.Error: it cannot be opened.
    """
    parsed = make_url(url)
    return SqliteDatabase(parsed) if parsed.get_backend_name() == "sqlite" else PostgresDatabase(parsed)
