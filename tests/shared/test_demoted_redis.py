"""After a failover behind one address open connections still lead to the old server, which only reads."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.redis.connect import connect_redis, connect_redis_async
from tests.servers import run_valkey


@contextmanager
def failing_over(folder: Path) -> Iterator[tuple[str, "Redis", "Redis"]]:
    """An address that leads to the first of two servers; what is stored stays where it is."""
    with run_valkey() as one, run_valkey() as other, Redis.from_url(one) as old, Redis.from_url(other) as new:
        address = folder / "address"
        address.symlink_to(one.removeprefix("unix://"))
        yield f"unix://{address}", old, new


def fail_over(url: str, old: "Redis", new: "Redis") -> None:
    """The first server is demoted, and keeps its connections; the address leads to the second."""
    old.replicaof("127.0.0.1", "1")
    address = Path(url.removeprefix("unix://"))
    address.unlink()
    address.symlink_to(str(new.config_get("unixsocket")["unixsocket"]))


def test_a_write_goes_to_the_server_that_took_over(tmp_path: Path) -> None:
    with failing_over(tmp_path) as (url, old, new), connect_redis(url, connections=2) as client:
        client.set("before", "1")
        fail_over(url, old, new)
        client.set("single", "1")
        assert client.pipeline(transaction=False).zadd("wake", {"job": 1.0}, nx=True).execute() == [1]
        assert sorted(new.keys("*")) == [b"single", b"wake"]


def test_a_pipeline_begins_anew_on_the_server_that_took_over(tmp_path: Path) -> None:
    with failing_over(tmp_path) as (url, old, new), connect_redis(url, connections=2) as client:
        client.set("before", "1")
        fail_over(url, old, new)
        pipeline = client.pipeline(transaction=False)
        assert pipeline.get("before").zadd("wake", {"job": 1.0}, nx=True).execute() == [None, 1]


async def test_so_it_is_on_an_event_loop(tmp_path: Path) -> None:
    with failing_over(tmp_path) as (url, old, new):
        client = connect_redis_async(url, connections=2)
        await client.set("before", "1")
        await asyncio.to_thread(fail_over, url, old, new)
        pipeline = client.pipeline(transaction=False)
        assert await pipeline.get("before").zadd("wake", {"job": 1.0}, nx=True).execute(raise_on_error=False) == [
            None,
            1,
        ]
        await client.set("single", "1")
        await client.aclose()


async def test_while_nobody_took_over_it_is_an_outage(tmp_path: Path) -> None:
    with failing_over(tmp_path) as (url, old, _), connect_redis(url, connections=2) as client:
        asking = connect_redis_async(url, connections=2)
        old.replicaof("127.0.0.1", "1")
        with pytest.raises(RedisConnectionError, match="only reads"):
            client.set("a", "1")
        with pytest.raises(RedisConnectionError, match="only reads"):
            await asking.set("a", "1")
        await asking.aclose()
