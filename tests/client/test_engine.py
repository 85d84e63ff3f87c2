"""The engine both ends share."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, insert, select, text

from watchkeeper import StoreUnavailable
from watchkeeper.contract import agent_names
from watchkeeper.engine import build_engine, describe, parse_database_url
from watchkeeper.store_errors import translated


def test_writers_that_read_first_wait_for_each_other_instead_of_failing(database_url: str) -> None:
    engine = build_engine(database_url)

    def read_then_write(number: int) -> None:
        with engine.begin() as connection:
            connection.execute(select(func.count()).select_from(agent_names)).scalar_one()
            connection.execute(insert(agent_names), {"name": f"agent {number}"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read_then_write, range(100)))
    with engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(agent_names)).scalar_one() == 101
    engine.dispose()


def test_readers_of_sqlite_do_not_wait_for_the_writer(sqlite_url: str) -> None:
    engine = build_engine(sqlite_url)
    with engine.begin() as writer:
        writer.execute(insert(agent_names), {"name": "unseen"})
        for options in ({"sqlite_begin": "DEFERRED"}, {"isolation_level": "AUTOCOMMIT"}):
            with engine.execution_options(**options).begin() as reader:
                assert reader.execute(select(agent_names.c.name)).scalars().all() == ["default"]
    engine.dispose()


def test_sqlite_keeps_what_it_has_committed(sqlite_url: str) -> None:
    engine = build_engine(sqlite_url)
    with engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    engine.dispose()

    assert settings == ["wal", 2, 5000, 1]


def test_postgresql_knows_the_limits_and_the_name(postgres_url: str) -> None:
    engine = build_engine(
        postgres_url + "&options=-c%20statement_timeout%3D7s", lock_timeout=2, application_name="worker 1"
    )
    with engine.connect() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("application_name", "lock_timeout", "statement_timeout")
        ]
    engine.dispose()

    assert shown == ["worker 1", "2s", "7s"]


def test_a_pool_in_full_use_says_so_in_time(database_url: str) -> None:
    engine = build_engine(database_url, pool_size=1, connect_timeout=0.05)
    with (
        engine.connect(),
        pytest.raises(StoreUnavailable, match="all connections of this client are in use"),
        translated(engine.url),
    ):
        engine.connect()
    engine.dispose()


def test_a_fork_does_not_share_its_parents_connections(postgres_url: str) -> None:
    engine = build_engine(postgres_url, pool_size=1)
    backend = text("SELECT pg_backend_pid()")
    with engine.connect() as connection:
        ours = connection.execute(backend).scalar_one()

    child = os.fork()
    if child == 0:
        with engine.connect() as connection:
            os._exit(0 if connection.execute(backend).scalar_one() != ours else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with engine.connect() as connection:
        assert connection.execute(backend).scalar_one() == ours
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "used", "shown"),
    [
        ("postgres://u:p@db/app", "postgresql+psycopg", "PostgreSQL at db:5432/app"),
        ("postgresql+asyncpg://u:p@db:6000/app", "postgresql+psycopg", "PostgreSQL at db:6000/app"),
        ("postgresql:///app?host=/run/pg", "postgresql+psycopg", "PostgreSQL at /run/pg:5432/app"),
        ("sqlite+aiosqlite:////data/x.db", "sqlite", "SQLite file /data/x.db"),
    ],
)
def test_the_backends_own_driver_does_not_matter(given: str, used: str, shown: str) -> None:
    url = parse_database_url(given)

    assert url.drivername == used
    assert describe(url) == shown
