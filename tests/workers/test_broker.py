"""Taking wake-ups: strict priority, first in first out, and never more than there are idle threads."""

import gc
from collections.abc import Iterator

import dramatiq
import pytest
import structlog
from dramatiq.errors import QueueNotFound
from redis import Redis

from shared.redis.connect import connect_redis
from tests.servers import run_valkey, short_folder
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


def test_as_many_threads_are_asked_for_as_are_busy_before_any_work_is_handed_out(client: Redis) -> None:
    ring(client, *((f"job {number}", 1, number) for number in range(5)))
    slots = Slots(10)
    asked: list[int] = []
    slots.needed = asked.append
    consumer = WakeConsumer(client, slots, 0.1)

    first = next(consumer)

    assert first is not None
    assert asked == [5]
    assert len(taken(consumer)) == 4
    consumer.ack(first)
    ring(client, ("another", 1, 9), ("and another", 1, 10))
    assert len(taken(consumer)) == 2
    assert asked == [5, 6]


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


def test_an_outage_of_redis_is_told_once_and_the_consumer_goes_on_afterwards() -> None:
    with short_folder("away") as folder, run_valkey() as url, Redis.from_url(url) as direct:
        socket = folder / "s"
        client = connect_redis(f"unix://{socket}", connections=2, block_seconds=0.05)
        slots = Slots(5)
        consumer = WakeConsumer(client, slots, 0.05)
        ring(direct, ("a", 0, 1))
        with structlog.testing.capture_logs() as logs:
            assert next(consumer) is None
            assert next(consumer) is None
            assert slots.wait_free(0.0) == 5
            socket.symlink_to(url.removeprefix("unix://"))  # the server is back at its address
            message = next(consumer)
        assert message is not None
        assert message.args == ("a",)
        assert [entry["event"] for entry in logs] == ["worker.redis_away", "worker.redis_back"]
        client.close()


def test_the_broker_knows_only_the_queue_that_was_declared(client: Redis) -> None:
    broker = WakeBroker(client, threads=1, middleware=[])
    with pytest.raises(QueueNotFound):
        broker.consume(QUEUE)
    broker.declare_queue(QUEUE)
    ring(client, ("a", 1, 1))
    assert taken(broker.consume(QUEUE, timeout=100)) == ["a"]  # type: ignore[arg-type]


def test_an_idle_thread_holds_no_more_than_the_shell_of_its_last_wake_up(client: Redis) -> None:
    ring(client, ("a", 1, 1))
    consumer = WakeConsumer(client, Slots(1), 0.1)
    wake_up = next(consumer)
    assert wake_up is not None
    consumer.ack(wake_up)
    wake_up.clear_exception()  # the last that dramatiq does with it
    assert not [held for held in gc.get_referents(wake_up, vars(wake_up)) if isinstance(held, dramatiq.Message)]
