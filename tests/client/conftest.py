"""A client on each database, and a look at what it left in the stores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, func, select, update

from watchkeeper import Client
from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE, jobs
from watchkeeper.engine import build_engine


@dataclass(frozen=True, slots=True)
class Stores:
    """What the other side sees."""

    engine: Engine
    redis: Redis

    def count(self) -> int:
        """Jobs committed."""
        with self.engine.begin() as connection:
            return connection.execute(select(func.count()).select_from(jobs)).scalar_one()

    def row(self, job_id: str) -> dict[str, Any]:
        """One job as stored."""
        with self.engine.begin() as connection:
            return dict(connection.execute(select(jobs).where(jobs.c.id == job_id)).one()._mapping)

    def woken(self) -> list[str]:
        """Job ids in the order workers would take them."""
        members: list[Any] = self.redis.zrange(WAKE_QUEUE, 0, -1)
        return [member.decode() for member in members]

    def finish(self, job_id: str, **values: Any) -> None:
        """End a job as a worker would, without telling anybody."""
        with self.engine.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(state="completed", **values))

    def announce(self, job_id: str) -> int:
        """Tell those who wait; returns how many heard."""
        return int(self.redis.publish(DONE_CHANNEL + job_id, "x"))


@pytest.fixture
def stores(database_url: str, redis_url: str) -> Iterator[Stores]:
    """Both stores, seen from the service's side."""
    engine = build_engine(database_url, application_name="test")
    with Redis.from_url(redis_url) as redis:
        yield Stores(engine, redis)
    engine.dispose()


@pytest.fixture
def client(database_url: str, redis_url: str) -> Iterator[Client]:
    """The client under test, with both stores."""
    with Client(database_url, redis_url) as client:
        yield client


@pytest.fixture
def deaf_client(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The client under test while Redis is away."""
    nowhere = tmp_path_factory.mktemp("gone") / "s"
    with Client(database_url, f"unix://{nowhere}") as client:
        yield client
