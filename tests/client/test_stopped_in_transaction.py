"""Who is cut off within a transaction on PostgreSQL does not hold its rows for as long as it stays away."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Connection, Engine, bindparam, make_url, text, update
from sqlalchemy.exc import DBAPIError

from shared.db.problems import translated as translated_for_operators
from shared.errors import DatabaseUnavailable
from tests.chaos.outages_proxy import Proxy, Way, open_proxy
from tests.waiting import wait_until
from watchkeeper import StoreUnavailable
from watchkeeper.contract import agent_names
from watchkeeper.engine import build_engine
from watchkeeper.store_errors import translated

NAMES = ("first", "second")


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    """The way of the one that is cut off."""
    with open_proxy(f"{make_url(postgres_url).query['host']}/.s.PGSQL.5432") as proxy:
        yield proxy


@pytest.fixture
def cut_off(postgres_url: str, proxy: Proxy) -> Iterator[Engine]:
    """Through the proxy, with short limits."""
    url = make_url(postgres_url).set(host="127.0.0.1", port=proxy.port, query={})
    engine = build_engine(
        url.render_as_string(hide_password=False), pool_size=1, statement_timeout=1.0, idle_timeout=0.5
    )
    with engine.begin() as connection:
        connection.execute(agent_names.insert(), [{"name": name} for name in NAMES])
    yield engine
    engine.dispose()


def sessions(postgres_url: str) -> list[str]:
    """What the cut-off one's session does, as the server sees it."""
    with psycopg.connect(postgres_url, autocommit=True) as looking:
        rows = looking.execute(
            "SELECT state FROM pg_stat_activity WHERE application_name = 'watchkeeper-client' "
            "AND datname = current_database()"
        )
        return [row[0] for row in rows]


def test_between_two_statements(postgres_url: str, proxy: Proxy, cut_off: Engine) -> None:
    with pytest.raises(DBAPIError) as raised, cut_off.begin() as connection:
        hold_all(connection)
        proxy.set(Way.FROZEN)
        wait_until(lambda: not sessions(postgres_url), 5)
        proxy.set(Way.OPEN)
        connection.execute(text("SELECT 1"))
    assert raised.value.connection_invalidated
    with cut_off.begin() as connection:  # a new connection; nothing of the old transaction is left
        hold_all(connection)


@pytest.mark.parametrize(
    ("translating", "ours"), [(translated, StoreUnavailable), (translated_for_operators, DatabaseUnavailable)]
)
def test_it_is_told_as_any_store_that_went_away(
    translating: Callable[..., object], ours: type[Exception], postgres_url: str, cut_off: Engine
) -> None:
    with pytest.raises(ours, match="idle-in-transaction"), translating(cut_off.url), cut_off.begin() as connection:  # type: ignore[attr-defined]
        hold_all(connection)
        wait_until(lambda: not sessions(postgres_url), 5)
        connection.execute(text("SELECT 1"))


def test_within_a_pipeline(postgres_url: str, proxy: Proxy, cut_off: Engine) -> None:
    connection = cut_off.connect()
    hold_first = update(agent_names).where(agent_names.c.name == bindparam("row")).values(name=bindparam("row"))
    cursor = connection.connection.cursor()
    pipeline = connection.connection.driver_connection.pipeline()  # type: ignore[union-attr]
    with pytest.raises(psycopg.Error), pipeline:
        cursor.execute(str(hold_first.compile(dialect=cut_off.dialect)), {"row": NAMES[0]})
        connection.connection.driver_connection.pgconn.send_flush_request()  # type: ignore[union-attr]
        connection.connection.driver_connection.pgconn.flush()  # type: ignore[union-attr]
        proxy.set(Way.FROZEN)
        wait_until(lambda: not sessions(postgres_url), 15)
        proxy.set(Way.OPEN)
    connection.invalidate()
    connection.close()


def test_a_transaction_that_may_take_its_time_is_left_alone(postgres_url: str) -> None:
    engine = build_engine(postgres_url, idle_timeout=None)
    with engine.connect() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("idle_in_transaction_session_timeout", "transaction_timeout")
        ]
    engine.dispose()
    assert shown == ["0", "0"]


def hold_all(connection: Connection) -> None:
    connection.execute(update(agent_names).where(agent_names.c.name.in_(NAMES)).values(name=agent_names.c.name))
