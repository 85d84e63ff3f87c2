"""Connections to the database, the same for both ends of the contract: few, bounded, never waited for long.

On SQLite `engine.begin()` is BEGIN IMMEDIATE: a transaction that reads first and writes later would be refused
at once, without waiting, when another one wrote in between. Readers use `engine.execution_options(
sqlite_begin="DEFERRED")`, or AUTOCOMMIT for single statements, and wait for nobody.
"""

import os
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from watchkeeper.errors import StoreUnavailable
from watchkeeper.locations import normalise_database_url
from watchkeeper.patience import bound_answers

_SQLITE_BUSY_S = 5.0
_GRACE_S = 5.0  # a server that lives ends a statement by itself; one that hangs is given up this much later
_TRANSACTION_TIMEOUT_SINCE = 17_00_00
# FULL, not NORMAL: in WAL mode NORMAL forgets the last commits on a power cut, and an accepted job must not be
# forgotten. Measured on an SSD: 0.11 ms instead of 0.01 ms for each commit.
# SQLite would keep up to 2 MB of pages for each connection, which the operating system's cache holds anyway.
_SQLITE_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -256")


def build_engine(
    database_url: str,
    *,
    pool_size: int = 5,
    connect_timeout: float = 5.0,
    statement_timeout: float = 30.0,
    lock_timeout: float = 5.0,
    idle_timeout: float | None = 5.0,
    application_name: str = "watchkeeper-client",
) -> Engine:
    """An engine with at most `pool_size` connections; it connects on first use. Times are seconds.

    `connect_timeout` bounds a new connection and the wait for a free one, `statement_timeout` and
    `lock_timeout` one statement and its wait for locks (PostgreSQL; SQLite waits 5 s for its one writer).
    A process that is stopped, or cut off, within a transaction holds its rows: PostgreSQL ends its session after
    `idle_timeout` in which it asked nothing, and in the middle of a pipeline (from PostgreSQL 17) soon after
    `statement_timeout`. None: a transaction may take all the time it wants; each statement has its own limit.

    Raises:
        StoreUnavailable: the URL names a database that is not supported, or its driver is not installed.
    """
    url = parse_database_url(database_url)
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": connect_timeout,
        "pool_pre_ping": True,
    }
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _SQLITE_BUSY_S}, **options)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_immediate)
    else:
        limits = f"-c statement_timeout={statement_timeout * 1000:.0f} -c lock_timeout={lock_timeout * 1000:.0f}"
        if idle_timeout is not None:
            limits += f" -c idle_in_transaction_session_timeout={idle_timeout * 1000:.0f}"
        connect_args = {
            "connect_timeout": max(1, round(connect_timeout)),
            "application_name": application_name,
            "options": " ".join((limits, *_texts(url.query.get("options")))),
            "keepalives_idle": 30,
            "tcp_user_timeout": 20_000,  # ms; a host that vanished is noticed, not waited for
        }
        try:
            engine = create_engine(url, connect_args=connect_args, **options)
        except ModuleNotFoundError as error:
            raise StoreUnavailable(
                "PostgreSQL needs its driver: pip install 'watchkeeper-client[postgresql]'"
            ) from error
        bound_answers(engine, statement_timeout + _GRACE_S)
        if idle_timeout is not None:
            _bound_transactions(engine, statement_timeout + _GRACE_S)
    _forget_connections_in_forks(engine)
    return engine


def parse_database_url(database_url: str) -> URL:
    """The URL with the driver this package uses, whichever driver the backend's own engine names.

    Raises:
        StoreUnavailable: neither PostgreSQL nor a SQLite file.
    """
    try:
        url = make_url(normalise_database_url(database_url))
    except (ArgumentError, ValueError) as error:
        # Not shown: what does not parse may still hold a password.
        raise StoreUnavailable(
            "DATABASE_URL is no database URL: postgresql://user:password@host/name or sqlite:////path/to/file"
        ) from error
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreUnavailable(f"DATABASE_URL: {backend} is not supported, use PostgreSQL or SQLite")
    if url.database in (None, "", ":memory:"):
        raise StoreUnavailable("DATABASE_URL: a SQLite database in memory cannot be shared, name a file")
    return url.set(drivername="sqlite")


def describe(url: URL) -> str:
    """Where the database is, for people, without the password."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    host = url.host or ", ".join(_texts(url.query.get("host"))) or "localhost"
    return f"PostgreSQL at {host}:{url.port or 5432}/{url.database or ''}"


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _set_pragmas(dbapi_connection: Any, _record: Any) -> None:
    for pragma in _SQLITE_PRAGMAS:
        dbapi_connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql(f"BEGIN {options.get('sqlite_begin', 'IMMEDIATE')}")


def _bound_transactions(engine: Engine, seconds: float) -> None:
    # The server does not call a session idle that stopped within a pipeline (executemany): only this ends it. Older
    # servers refuse to connect when it stands among the options.
    @event.listens_for(engine, "connect")
    def bound(connection: Any, _record: Any) -> None:
        if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE:
            connection.autocommit = True
            connection.execute(f"SET transaction_timeout = {seconds * 1000:.0f}")
            connection.autocommit = False


def _forget_connections_in_forks(engine: Engine) -> None:
    # A pre-forking web server copies the pool; two processes on one socket would read each other's answers.
    @event.listens_for(engine, "connect")
    def remember_process(_connection: Any, record: Any) -> None:
        record.info["pid"] = os.getpid()

    @event.listens_for(engine, "checkout")
    def refuse_foreign(_connection: Any, record: Any, fairy: Any) -> None:
        if record.info["pid"] != os.getpid():
            record.dbapi_connection = fairy.dbapi_connection = None
            raise DisconnectionError("this connection belongs to the parent process")
