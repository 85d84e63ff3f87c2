"""Threads of a worker: made when they are needed, many at a time."""

from collections.abc import Iterator

import pytest
from redis import Redis

from shared.redis.connect import connect_redis
from workers.broker import WakeBroker
from workers.consuming import GrowingWorker


@pytest.fixture
def worker(redis_url: str) -> Iterator[GrowingWorker]:
    """It may have 40 threads."""
    client: Redis = connect_redis(redis_url, connections=2, block_seconds=0.1)
    worker = GrowingWorker(WakeBroker(client, threads=40, middleware=[]), most=40, timeout_ms=50)
    worker.start()
    yield worker
    worker.stop(timeout=5000)
    client.close()


def test_they_double_up_to_what_it_may_have(worker: GrowingWorker) -> None:
    counts = []
    for busy in (1, 8, 9, 16, 17, 33, 40):
        worker.grow(busy)
        counts.append(len(worker.workers))

    assert counts == [8, 8, 16, 16, 32, 40, 40]
    assert all(thread.is_alive() for thread in worker.workers)


def test_a_burst_gets_what_it_needs_at_once(worker: GrowingWorker) -> None:
    worker.grow(39)
    assert len(worker.workers) == 39
