"""A database that is away, empty, or not ours is named, with what to do and without its password."""

import socket
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.stores import PostgresServer
from watchkeeper import Client, StoreNotReady, StoreUnavailable
from watchkeeper.engine import build_engine


def refused(url: str, kind: type[StoreUnavailable] = StoreUnavailable) -> str:
    """What a client of this database says, for both kinds of call."""
    texts = set()
    for call in ("enqueue", "get"):
        with pytest.raises(kind) as raised, Client(url, "redis://127.0.0.1:1") as client:
            client.enqueue("default", "x") if call == "enqueue" else client.get("x")
        assert type(raised.value) is kind
        texts.add(str(raised.value))
    assert len(texts) == 1
    return texts.pop()


def test_a_closed_port_is_named_without_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        message = refused(f"postgres://someone:s3cret@127.0.0.1:{port}/app")

    assert f"PostgreSQL at 127.0.0.1:{port}/app did not answer" in message
    assert "s3cret" not in message


def test_a_missing_database_is_named(postgres_server: PostgresServer) -> None:
    assert 'database "nowhere" does not exist' in refused(postgres_server.url_of("nowhere"))


def test_a_postgresql_database_without_tables_says_to_migrate(postgres_server: PostgresServer) -> None:
    message = refused(postgres_server.url_of("postgres"), StoreNotReady)

    assert "holds no Watchkeeper tables of this version: run `watchkeeper migrate`" in message


def test_a_sqlite_file_without_tables_says_to_migrate(tmp_path: Path) -> None:
    message = refused(f"sqlite:///{tmp_path / 'empty.db'}", StoreNotReady)

    assert f"SQLite file {tmp_path / 'empty.db'} holds no Watchkeeper tables" in message


def test_a_home_that_does_not_exist_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    with Client(home=tmp_path / "nowhere") as client, pytest.raises(StoreUnavailable) as raised:
        client.enqueue("default", "x")

    assert str(tmp_path / "nowhere" / "watchkeeper.db") in str(raised.value)
    assert "set DATABASE_URL or WATCHKEEPER_HOME" in str(raised.value)


def test_an_older_table_says_to_migrate(sqlite_url: str) -> None:
    engine = build_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE jobs RENAME COLUMN steps TO paces"))
    engine.dispose()

    refused(sqlite_url, StoreNotReady)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://someone:s3cret@host/app", "mysql is not supported"),
        ("sqlite://", "in memory cannot be shared"),
        ("sqlite:///:memory:", "in memory cannot be shared"),
        ("s3cret", "is no database URL"),
        ("postgresql://u:s3cret@host:port/app", "is no database URL"),
    ],
)
def test_a_url_that_cannot_work_is_refused_before_anything_connects(url: str, problem: str) -> None:
    with pytest.raises(StoreUnavailable, match=problem) as raised:
        Client(url, "redis://127.0.0.1:1")

    assert "s3cret" not in str(raised.value)
