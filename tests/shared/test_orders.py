"""Orders reach the supervisor they name, in order, once; what cannot be understood hinders none."""

import json
import queue
from collections.abc import Iterator

import pytest
from redis import Redis
from structlog.testing import capture_logs

from shared.redis.connect import connect_redis
from shared.redis.names import ORDERS
from shared.supervision.orders import ORDER_SECONDS, Action, Order, send_order, take_orders
from tests.waiting import wait_until
from watchkeeper.contract import ALONE_QUEUE
from workers.supervisor.asking import Asking


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    """As a supervisor reads."""
    client = connect_redis(redis_url, connections=2, block_seconds=1.0)
    yield client
    client.close()


def test_orders_come_in_the_order_they_were_given_and_once(client: Redis) -> None:
    first = Order(Action.RECYCLE, why="age", by="scheduler", incarnation="A")
    second = Order(Action.SCALE, why="by hand", by="me@here", processes=3)
    third = Order(Action.ROLL, why="deploy", by="me@here")
    for order in (first, second, third):
        send_order(client, "s", order)
    send_order(client, "another", first)

    assert take_orders(client, "s", 0.01) == [first, second, third]
    assert take_orders(client, "s", 0.01) == []
    assert 0 < client.ttl(ORDERS + "another") <= ORDER_SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "null",
        '{"action": "explode", "why": "", "by": ""}',
        '{"action": "recycle", "why": "", "by": ""}',
        '{"action": "scale", "why": "", "by": "", "processes": "many"}',
        '{"action": "scale", "why": "", "by": "", "processes": -1}',
    ],
)
def test_what_cannot_be_understood_is_told_and_skipped(client: Redis, text: str) -> None:
    good = Order(Action.ROLL, why="deploy", by="me@here")
    client.rpush(ORDERS + "s", text)
    send_order(client, "s", good)
    with capture_logs() as logs:
        assert take_orders(client, "s", 0.01) == [good]
    assert [entry["event"] for entry in logs] == ["order.malformed"]


def test_fields_of_a_later_version_are_no_hindrance(client: Redis) -> None:
    client.rpush(ORDERS + "s", json.dumps({"action": "roll", "why": "w", "by": "b", "later": 1}))
    assert take_orders(client, "s", 0.01) == [Order(Action.ROLL, why="w", by="b")]


def test_what_nobody_can_read_does_not_make_a_supervisor_deaf(client: Redis) -> None:
    heard: queue.SimpleQueue[Order | str] = queue.SimpleQueue()
    asking = Asking(client, "s", ordered=heard.put, alone=heard.put, may_run_alone=lambda: True)
    client.rpush(ORDERS + "s", b"\xff\xfe", "[" * 100_000)
    client.zadd(ALONE_QUEUE, {b"\xff\xfe": 1})
    asking.start()
    wait_until(lambda: not client.exists(ORDERS + "s", ALONE_QUEUE))
    order = Order(Action.ROLL, why="deploy", by="me@here")
    send_order(client, "s", order)
    assert heard.get(timeout=10) == order
    client.zadd(ALONE_QUEUE, {"job": 1})
    assert heard.get(timeout=10) == "job"
    asking.stop()
