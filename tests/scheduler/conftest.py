"""What the scheduler's parts stand on: each database, a real Redis, a look at both."""

from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy import Engine

from shared.redis.connect import connect_redis
from tests.moved_clock import MovedClock
from tests.rows import Rows
from watchkeeper.engine import build_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The scheduler's database."""
    engine = build_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def rows(engine: Engine) -> Rows:
    """The same, seen from outside."""
    return Rows(engine)


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    """The scheduler's Redis."""
    client = connect_redis(redis_url, connections=4)
    yield client
    client.close()


@pytest.fixture
def away(tmp_path: str) -> Iterator[Redis]:
    """A Redis that does not answer."""
    client = connect_redis(f"unix://{tmp_path}/nobody", connections=1)
    yield client
    client.close()


@pytest.fixture
def clock() -> MovedClock:
    """Moved by hand."""
    return MovedClock()
