"""A job enqueued inside the backend's own transaction exists when that commits, and only then."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from tests.client.conftest import Stores
from watchkeeper import Client, StoreNotReady, UnknownAgent


@pytest.fixture
def backend(database_url: str) -> Iterator[Engine]:
    """The backend's own engine, with SQLAlchemy's defaults."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()


def test_a_connections_rollback_takes_the_job_with_it(client: Client, backend: Engine, stores: Stores) -> None:
    with backend.connect() as connection:
        client.enqueue("default", "x", connection=connection)
        connection.rollback()

    assert stores.count() == 0
    assert stores.woken() == []


def test_a_connections_commit_stores_the_job_and_leaves_the_wake_up_to_the_stager(
    client: Client, backend: Engine, stores: Stores
) -> None:
    with backend.begin() as connection:
        job = client.enqueue("default", "x", connection=connection)
        assert connection.in_transaction()

    assert stores.row(job.id)["woken_at"] is None
    assert stores.woken() == []


def test_a_sessions_commit_sends_each_wake_up_once(client: Client, backend: Engine, stores: Stores) -> None:
    with Session(backend) as session:
        first = client.enqueue("default", "x", connection=session)
        second = client.enqueue("default", "x", connection=session)
        assert stores.woken() == []
        session.commit()
        assert stores.woken() == [first.id, second.id]

        stores.redis.flushall()
        session.execute(text("SELECT 1"))
        session.commit()

    assert stores.woken() == []
    assert stores.count() == 2


@pytest.mark.parametrize("end", ["rollback", "close"])
def test_a_session_that_does_not_commit_enqueues_nothing_then_or_later(
    client: Client, backend: Engine, stores: Stores, end: str
) -> None:
    with Session(backend) as session:
        client.enqueue("default", "x", connection=session)
        getattr(session, end)()
        session.execute(text("SELECT 1"))
        session.commit()

    assert stores.count() == 0
    assert stores.woken() == []


def test_a_released_savepoint_wakes_nobody_before_the_commit(client: Client, backend: Engine, stores: Stores) -> None:
    with Session(backend) as session:
        with session.begin_nested():
            job = client.enqueue("default", "x", connection=session)
        assert stores.woken() == []
        session.commit()

    assert stores.woken() == [job.id]


def test_a_savepoint_rolled_back_takes_its_job_and_no_other(client: Client, backend: Engine, stores: Stores) -> None:
    begin_as_sqlalchemy_advises(backend)
    with Session(backend) as session:
        kept = client.enqueue("default", "x", connection=session)
        with session.begin_nested() as savepoint:
            client.enqueue("default", "x", connection=session)
            savepoint.rollback()
        session.commit()

    assert stores.count() == 1
    assert kept.id in stores.woken()


def test_a_scoped_session_is_a_session(client: Client, backend: Engine, stores: Stores) -> None:
    scope = scoped_session(sessionmaker(backend))
    job = client.enqueue("default", "x", connection=scope)
    scope.commit()
    scope.remove()

    assert stores.woken() == [job.id]


def test_a_known_key_and_an_unknown_agent_leave_the_transaction_usable(
    client: Client, backend: Engine, stores: Stores
) -> None:
    first = client.enqueue("default", "x", idempotency_key="k")
    with Session(backend) as session:
        again = client.enqueue("default", "x", idempotency_key="k", connection=session)
        with pytest.raises(UnknownAgent):
            client.enqueue("nobody", "x", connection=session)
        other = client.enqueue("default", "x", connection=session)
        session.commit()

    assert (again.id, again.duplicate) == (first.id, True)
    assert stores.count() == 2
    assert stores.woken() == [first.id, other.id]


def test_a_transaction_in_a_database_without_the_tables_says_so(client: Client) -> None:
    elsewhere = create_engine("sqlite://")
    with elsewhere.begin() as connection, pytest.raises(StoreNotReady, match="pass a connection to the database"):
        client.enqueue("default", "x", connection=connection)
    elsewhere.dispose()


def begin_as_sqlalchemy_advises(engine: Engine) -> None:
    """Python's sqlite3 begins too late for savepoints unless told not to begin at all."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _record: setattr(raw, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
