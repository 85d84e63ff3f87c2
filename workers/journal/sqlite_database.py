"""The writer's connection to SQLite."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import URL

from workers.journal.database import Parameters, Prepared, Row


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
        # A small cache: the operating system has the pages too, and every worker would keep 2 MB of its own.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-256"):
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
            word in str(error)
            for word in ("locked", "locking", "busy", "unable to open", "disk", "readonly", "interrupted")
        )

    def is_conflict(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.IntegrityError)

    def is_deadlock(self, error: Exception) -> bool:
        return False  # one writer at a time

    def is_locked(self, error: Exception) -> bool:
        return False
