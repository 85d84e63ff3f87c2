"""A connection that Redis has closed is an outage of Redis, whichever event loop tells of it."""

import asyncio
from typing import Any

import pytest
import redis.asyncio
import uvloop
from redis import Redis

from shared.redis.connect import connect_redis_async


def test_a_write_to_a_connection_that_redis_has_closed_is_tried_on_a_new_one(redis_url: str) -> None:
    async def ask() -> list[bool]:
        client = connect_redis_async(redis_url, connections=4)
        await client.ping()
        with Redis.from_url(redis_url) as other:
            other.client_kill_filter(skipme=True)
        connection: redis.asyncio.Connection = client.connection_pool._available_connections[0]
        connection._writer.transport.abort()  # the loop has noticed, redis-py has not
        await asyncio.sleep(0.05)
        answers = [bool(await client.pipeline(transaction=False).ping().execute()) for _ in range(2)]
        await client.aclose()
        return answers

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == [True, True]


@pytest.mark.parametrize("how", ["pipeline", "pubsub"])
def test_who_writes_while_redis_is_gone_is_told_so_as_an_error_of_redis(redis_url: str, how: str) -> None:
    async def ask() -> None:
        client = connect_redis_async(redis_url, connections=4)
        ear = client.pubsub()
        await ear.subscribe("somewhere")
        await client.ping()
        for connection in [*client.connection_pool._available_connections, ear.connection]:
            connection._writer.transport.abort()
            connection.retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0)
        await asyncio.sleep(0.05)
        with pytest.raises(redis.RedisError):
            if how == "pipeline":
                await client.connection_pool._available_connections[0].send_command("PING")
            else:
                await ear.connection.send_command("PING")
        await ear.aclose()
        await client.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


async def test_a_connection_cut_in_the_moment_it_is_used_costs_one_more_try(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect_redis_async(redis_url, connections=2)
    await client.ping()
    connection = client.connection_pool._available_connections[0]
    send = connection.send_packed_command
    cuts: list[int] = []

    async def cut_first(*arguments: Any, **options: Any) -> None:  # behind the pool's look at it
        if not cuts:
            with Redis.from_url(redis_url) as other:
                cuts.append(other.client_kill_filter(skipme=True))
            await asyncio.sleep(0.05)
        await send(*arguments, **options)

    monkeypatch.setattr(connection, "send_packed_command", cut_first)
    pipeline = client.pipeline(transaction=False)
    pipeline.ping()
    assert await pipeline.execute() == [True]
    assert cuts == [1]
    await client.aclose()
