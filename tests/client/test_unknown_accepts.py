"""A job that PostgreSQL stored is accepted, also when the answer that says so got lost."""

import pytest
from sqlalchemy import make_url

from tests.answers_lost import losing_answers
from tests.rows import Rows
from tests.stores import PostgresServer
from watchkeeper import Client
from watchkeeper.engine import build_engine
from watchkeeper.errors import StoreUnavailable

STORED = b"INSERT 0 1\0"


def test_a_job_whose_acceptance_got_lost_on_the_way_is_found(postgres_url: str, redis_url: str) -> None:
    with losing_answers(postgres_url, STORED) as line, Client(line.url, redis_url) as client:
        line.lose = 1
        job = client.enqueue("default", "hello")
        assert (line.lost, job.state, job.duplicate) == (1, "queued", False)
    engine = build_engine(postgres_url)
    assert [row["id"] for row in Rows(engine).all_jobs()] == [job.id]
    engine.dispose()


def test_when_nobody_can_tell_the_caller_hears_how_to_go_on(
    postgres_server: PostgresServer, postgres_url: str, redis_url: str
) -> None:
    with losing_answers(postgres_url, STORED) as line, Client(line.url, redis_url) as client:
        line.lose, line.ends_with_it = 1, True
        with pytest.raises(StoreUnavailable, match="idempotency_key"):
            client.enqueue("default", "hello")


def test_a_database_that_only_reads_is_unavailable(
    postgres_server: PostgresServer, postgres_url: str, redis_url: str
) -> None:
    name = make_url(postgres_url).database or ""
    postgres_server.execute("ALTER DATABASE {} SET default_transaction_read_only = on", name)
    with Client(postgres_url, redis_url) as client, pytest.raises(StoreUnavailable, match="read-only"):
        client.enqueue("default", "hello")
