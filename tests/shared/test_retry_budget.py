"""The fleet retries for passing causes as often as its calls allow, and a small fleet twenty times a minute."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from shared.keystate.retry_budget import ALWAYS, CALLS_PER_RETRY, WINDOW_MS, spend_retry
from shared.keystate.store import read_fleet
from shared.redis.connect import connect_redis_async
from shared.redis.names import RETRY_BUDGET


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    """The fleet's Redis."""
    client = connect_redis_async(redis_url, connections=16)
    yield client
    await client.aclose()


async def allowed(client: "redis.asyncio.Redis", asked: int) -> int:
    """How many of `asked` retries that are wanted at once may be made."""
    return sum(one.allowed for one in await asyncio.gather(*(spend_retry(client) for _ in range(asked))))


async def test_a_fleet_of_few_calls_may_retry_too(client: "redis.asyncio.Redis") -> None:
    assert await allowed(client, 100) == ALWAYS


async def test_many_calls_allow_a_tenth_of_retries(client: "redis.asyncio.Redis") -> None:
    for _ in range(10):
        await read_fleet(client, calls=50)
    assert await allowed(client, 100) == 500 // CALLS_PER_RETRY


async def test_the_first_refusal_of_a_window_is_told_and_no_other(client: "redis.asyncio.Redis") -> None:
    seen = [await spend_retry(client) for _ in range(ALWAYS + 3)]
    assert [one.first_refusal for one in seen] == [False] * ALWAYS + [True, False, False]
    assert (seen[-1].calls, seen[-1].retries) == (0, ALWAYS)


async def test_a_window_ends_by_itself_and_more_calls_do_not_keep_it(client: "redis.asyncio.Redis") -> None:
    await read_fleet(client, calls=1)
    assert 0 < await client.pttl(RETRY_BUDGET) <= WINDOW_MS
    await client.pexpire(RETRY_BUDGET, 1_000)
    await read_fleet(client, calls=1)
    await spend_retry(client)
    assert await client.pttl(RETRY_BUDGET) <= 1_000


async def test_a_look_that_begins_no_call_counts_nothing(client: "redis.asyncio.Redis") -> None:
    await read_fleet(client)
    assert await client.dbsize() == 0
