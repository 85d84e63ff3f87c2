"""Statements written once in SQLAlchemy Core, run as prepared text on the bare driver.

The writer's statements are few and hot; compiling them once and skipping the ORM's execution layer saves about
two thirds of a statement's CPU (bench/RESULTS.md).
"""

import os
import socket
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.sql import ClauseElement

Row = Mapping[str, Any]
Parameters = Mapping[str, Any]


class Prepared:
    """A statement's text for one dialect, with the values it binds by itself."""

    __slots__ = ("constants", "text")

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self.constants = {name: value for name, value in compiled.params.items() if value is not None}


class Database(Protocol):
    """One private connection of the writer thread."""

    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...
    def rows(self, statement: Prepared, parameters: Parameters) -> list[Row]: ...
    def run(self, statement: Prepared, parameters: Parameters) -> int: ...
    def run_many(self, statement: Prepared, parameters: Sequence[Parameters]) -> None: ...

    def interrupt(self) -> None:
        """Have what runs on it fail at once. From another thread: whoever waits for an answer cannot ask."""
        ...

    def is_outage(self, error: Exception) -> bool:
        """True when the database is away or busy: the same batch may succeed later."""
        ...

    def is_conflict(self, error: Exception) -> bool:
        """True when a unique rule refused one row."""
        ...

    def is_deadlock(self, error: Exception) -> bool:
        """True when a batch and another process waited for each other's rows: row by row it works."""
        ...

    def is_locked(self, error: Exception) -> bool:
        """True when somebody holds one of the rows, perhaps a worker that was stopped in mid-transaction."""
        ...


class SqliteDatabase:
    """SQLite in WAL mode; waits up to five seconds for another process's write."""

    def __init__(self, url: URL) -> None:
        self._connection = sqlite3.connect(
            str(Path(url.database or "")),
            timeout=5.0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def interrupt(self) -> None:
        self._connection.interrupt()

    def rows(self, statement: Prepared, parameters: Parameters) -> list[Row]:
        return self._connection.execute(statement.text, {**statement.constants, **parameters}).fetchall()

    def run(self, statement: Prepared, parameters: Parameters) -> int:
        return self._connection.execute(statement.text, {**statement.constants, **parameters}).rowcount

    def run_many(self, statement: Prepared, parameters: Sequence[Parameters]) -> None:
        self._connection.executemany(statement.text, [{**statement.constants, **row} for row in parameters])

    def is_outage(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.OperationalError) and any(
            word in str(error) for word in ("locked", "busy", "unable to open", "disk", "readonly", "interrupted")
        )

    def is_conflict(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.IntegrityError)

    def is_deadlock(self, error: Exception) -> bool:
        return False  # one writer at a time

    def is_locked(self, error: Exception) -> bool:
        return False


class PostgresDatabase:
    """PostgreSQL over psycopg 3; statements are prepared by the server at their third run."""

    def __init__(self, url: URL) -> None:
        self._connection = psycopg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            connect_timeout=5,
            autocommit=True,
            prepare_threshold=2,
            row_factory=dict_row,
            application_name="watchkeeper-worker",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,  # ms; a host that vanished is noticed, not waited for
            options="-c statement_timeout=10000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=10000",
        )
        # A process stopped within a pipeline holds its rows' locks, and is not idle to the server: only this ends it.
        self._bounded = self._connection.info.server_version >= 170000
        if self._bounded:
            self._connection.execute("SET transaction_timeout = 15000")

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if not self._connection.closed:
            self._connection.rollback()

    def close(self) -> None:
        self._connection.close()

    def interrupt(self) -> None:
        # Not a cancel request: that would wait for the same server.
        if not self._connection.closed:
            with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def rows(self, statement: Prepared, parameters: Parameters) -> list[Row]:
        return list(self._connection.execute(statement.text, {**statement.constants, **parameters}).fetchall())

    def run(self, statement: Prepared, parameters: Parameters) -> int:
        return self._connection.execute(statement.text, {**statement.constants, **parameters}).rowcount

    def run_many(self, statement: Prepared, parameters: Sequence[Parameters]) -> None:
        rows = [{**statement.constants, **row} for row in parameters]
        if self._bounded:
            with self._connection.cursor() as cursor:
                cursor.executemany(statement.text, rows)  # a pipeline
        else:
            for row in rows:
                self._connection.execute(statement.text, row)

    def is_outage(self, error: Exception) -> bool:
        # Read-only: a standby that is not promoted yet. Closed: the server ended our session, in whatever words.
        away = psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction
        return isinstance(error, away) or self._connection.closed

    def is_conflict(self, error: Exception) -> bool:
        return isinstance(error, psycopg.errors.UniqueViolation)

    def is_deadlock(self, error: Exception) -> bool:
        return isinstance(error, psycopg.errors.DeadlockDetected)

    def is_locked(self, error: Exception) -> bool:
        return isinstance(error, psycopg.errors.LockNotAvailable)


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
