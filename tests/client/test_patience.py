"""A PostgreSQL that hangs makes nobody hang: the answer has a deadline of its own."""

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from tests.chaos.outages_proxy import Way, open_proxy
from watchkeeper.patience import bound_answers


def test_a_server_that_says_nothing_ends_the_operation_and_its_connection(postgres_url: str) -> None:
    url = make_url(postgres_url)
    with open_proxy(f"{url.query['host']}/.s.PGSQL.5432") as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port, query={})
        engine = create_engine(through.set(drivername="postgresql+psycopg"))
        bound_answers(engine, 0.5)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
            proxy.set(Way.FROZEN)
            with pytest.raises(OperationalError, match=r"no answer within 0\.5 s"):
                connection.execute(text("SELECT 2"))
        proxy.set(Way.OPEN)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 3")).scalar_one() == 3
        engine.dispose()
