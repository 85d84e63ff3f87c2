"""A try holds its leases and no other's, and clears the standing it tried and no newer one."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import redis.asyncio

from shared.keystate.canary import Canary, clear, return_canary, take_canary
from shared.keystate.standing import KeyState, Standing
from shared.keystate.store import read_fleet
from shared.redis.connect import connect_redis_async
from shared.redis.names import CANARY, FAILURES, KEY_STATES

TRIED = Standing(KeyState.QUARANTINED, 1, 1_763_700_000_123, 1, "auth_invalid", "")
MINE = Canary("A/1", {"key:f": TRIED.since_ms, "provider:p": TRIED.since_ms})
LATER = Canary("A/2", MINE.tried)  # the same worker's next try


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    """The fleet's Redis, where both subjects are due."""
    client = connect_redis_async(redis_url, connections=16)
    for subject in MINE.tried:
        await client.hset(KEY_STATES, subject, TRIED.to_json())
    yield client
    await client.aclose()


async def take(client: "redis.asyncio.Redis", canary: Canary) -> bool:
    return await take_canary(client, canary, lease_ms=60_000)


async def holders(client: "redis.asyncio.Redis") -> list[str | None]:
    return [await client.get(CANARY + subject) for subject in MINE.tried]


async def test_one_canary_at_a_time_and_its_lease_ends_by_itself(client: "redis.asyncio.Redis") -> None:
    canaries = [Canary(str(number), MINE.tried) for number in range(20)]
    assert sorted(await asyncio.gather(*(take(client, one) for one in canaries))) == [False] * 19 + [True]
    for subject in MINE.tried:
        assert 0 < await client.pttl(CANARY + subject) <= 60_000


async def test_it_has_every_lease_or_none(client: "redis.asyncio.Redis") -> None:
    assert await take(client, Canary("other", {"provider:p": TRIED.since_ms}))
    assert not await take(client, MINE)
    assert await holders(client) == [None, "other"]


async def test_a_lease_that_ran_out_and_is_anothers_by_now_stays(client: "redis.asyncio.Redis") -> None:
    await take(client, LATER)
    await return_canary(client, MINE)
    assert await holders(client) == ["A/2", "A/2"]
    await return_canary(client, LATER)
    assert await holders(client) == [None, None]
    assert await take(client, MINE)


async def test_an_answer_clears_what_was_tried_with_its_count_and_its_leases(client: "redis.asyncio.Redis") -> None:
    await take(client, MINE)
    await client.hset(FAILURES + "provider:p", "failed", "3")
    assert await clear(client, MINE) == ("key:f", "provider:p")
    assert await client.dbsize() == 0


async def test_an_answer_does_not_wipe_a_newer_standing_nor_anothers_lease(client: "redis.asyncio.Redis") -> None:
    newer = replace(TRIED, since_ms=TRIED.since_ms + 1, until_ms=9_000_000_000_000)
    await client.hset(KEY_STATES, "key:f", newer.to_json())
    await take(client, LATER)

    assert await clear(client, MINE) == ("provider:p",)

    assert (await read_fleet(client)).standings == {"key:f": newer}
    assert await holders(client) == ["A/2", "A/2"]


@pytest.mark.parametrize("text", ["", "no json", "[]", json.dumps({"since_ms": "x"})])
async def test_a_standing_nobody_can_read_is_not_taken_for_the_one_that_was_tried(
    text: str, client: "redis.asyncio.Redis"
) -> None:
    await client.hset(KEY_STATES, "key:f", text)
    assert await clear(client, MINE) == ("provider:p",)
