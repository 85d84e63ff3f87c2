"""What PostgreSQL says in its own words is told to operators in ours."""

import pytest
from sqlalchemy import make_url

from shared.db.problems import translated
from shared.errors import DatabaseUnavailable
from tests.stores import PostgresServer
from watchkeeper.contract import agent_names
from watchkeeper.engine import build_engine


def test_a_standby_that_has_not_taken_over_is_a_database_that_does_not_serve_us(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    postgres_server.execute(
        "ALTER DATABASE {} SET default_transaction_read_only = on", make_url(postgres_url).database or ""
    )
    engine = build_engine(postgres_url)
    with (
        pytest.raises(DatabaseUnavailable, match="read-only"),
        translated(engine.url),
        engine.begin() as connection,
    ):
        connection.execute(agent_names.insert(), {"name": "another"})
    engine.dispose()
