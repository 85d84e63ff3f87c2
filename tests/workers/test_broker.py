"""Taking wake-ups: strict priority, first in first out, and never more than there are idle threads."""

from collections.abc import Iterator

import pytest
from dramatiq.errors import ConnectionClosed, QueueNotFound
from redis import Redis

from shared.redis.connect import connect_redis
from watchkeeper.contract import WAKE_QUEUE, wake_score
from workers.broker import QUEUE, Slots, WakeBroker, WakeConsumer


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    """The worker's Redis."""
    client = connect_redis(redis_url, connections=2, block_seconds=0.1)
    yield client
    client.close()


def ring(client: Redis, *jobs: tuple[str, int, int]) -> None:
    """Wake-ups: job, priority, time."""
    client.zadd(WAKE_QUEUE, {job_id: wake_score(priority, at) for job_id, priority, at in jobs})


def taken(consumer: WakeConsumer, most: int = 100) -> list[str]:
    """Job ids in the order they come, until none does."""
    found: list[str] = []
    while len(found) < most and (message := next(consumer)) is not None:
        found.append(message.args[0])
    return found


def test_priority_comes_first_then_age(client: Redis) -> None:
    ring(client, ("low", 2, 1), ("late", 1, 30), ("early", 1, 20), ("high", 0, 99), ("older low", 2, 0))
    consumer = WakeConsumer(client, Slots(10), 0.1)
    assert taken(consumer) == ["high", "early", "late", "older low", "low"]


def test_what_is_urgent_overtakes_what_is_still_in_the_queue(client: Redis) -> None:
    ring(client, ("a", 1, 1), ("b", 1, 2))
    slots = Slots(1)
    consumer = WakeConsumer(client, slots, 0.1)
    first = next(consumer)
    assert first is not None
    ring(client, ("urgent", 0, 99))
    consumer.ack(first)
    assert taken(consumer) == ["urgent"]


def test_no_more_is_taken_than_there_are_idle_threads(client: Redis) -> None:
    ring(client, *((f"job {number:03}", 1, number) for number in range(100)))
    consumer = WakeConsumer(client, Slots(3), 0.1)

    assert taken(consumer) == ["job 000", "job 001", "job 002"]
    assert client.zcard(WAKE_QUEUE) == 97
    assert next(consumer) is None


def test_a_thread_that_is_done_makes_room_for_one(client: Redis) -> None:
    ring(client, *((f"job {number}", 1, number) for number in range(5)))
    consumer = WakeConsumer(client, Slots(2), 0.1)
    first = next(consumer)
    assert first is not None
    assert taken(consumer) == ["job 1"]
    consumer.ack(first)
    assert taken(consumer) == ["job 2"]


def test_what_was_taken_and_not_begun_is_put_back_in_its_place(client: Redis) -> None:
    ring(client, ("a", 0, 5), ("b", 1, 1), ("c", 1, 2), ("d", 2, 1))
    before = client.zrange(WAKE_QUEUE, 0, -1, withscores=True)
    consumer = WakeConsumer(client, Slots(4), 0.1)
    first = next(consumer)
    second = next(consumer)
    assert first is not None
    assert second is not None
    assert client.zcard(WAKE_QUEUE) == 0

    consumer.requeue([first, second])

    assert client.zrange(WAKE_QUEUE, 0, -1, withscores=True) == before


def test_putting_back_does_not_spoil_a_newer_wake_up(client: Redis) -> None:
    ring(client, ("a", 1, 5))
    consumer = WakeConsumer(client, Slots(1), 0.1)
    message = next(consumer)
    assert message is not None
    ring(client, ("a", 0, 1))
    consumer.requeue([message])
    assert client.zscore(WAKE_QUEUE, "a") == 1.0


def test_redis_away_is_a_closed_connection_to_dramatiq_and_no_thread_is_lost(tmp_path: str) -> None:
    client = connect_redis(f"unix://{tmp_path}/s", connections=1, block_seconds=0.1)
    slots = Slots(2)
    with pytest.raises(ConnectionClosed):
        next(WakeConsumer(client, slots, 0.1))
    assert slots.wait_free(0.0) == 2
    client.close()


def test_the_broker_knows_only_the_queue_that_was_declared(client: Redis) -> None:
    broker = WakeBroker(client, threads=1, middleware=[])
    with pytest.raises(QueueNotFound):
        broker.consume(QUEUE)
    broker.declare_queue(QUEUE)
    ring(client, ("a", 1, 1))
    assert taken(broker.consume(QUEUE, timeout=100)) == ["a"]  # type: ignore[arg-type]
