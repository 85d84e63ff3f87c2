"""The writer's connection to PostgreSQL."""

import os
import socket
from collections.abc import Sequence

import psycopg
from psycopg.rows import dict_row
from sqlalchemy.engine import URL

from workers.journal.database import Parameters, Prepared, Row


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
