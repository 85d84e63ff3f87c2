"""Reading the fleet: together, never stale, and on known standings while Redis is away."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from shared.clock import SystemClock
from shared.keystate.standing import KeyState
from shared.redis.connect import connect_redis_async
from shared.redis.names import GENERATION, KEY_STATES
from tests.servers import short_folder
from workers.router.fleet import FleetReader

STANDING = {
    "state": "quarantined", "until_ms": 9e15, "since_ms": 1, "strikes": 1, "cause": "auth_invalid", "advice": ""
}  # fmt: skip


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    """The worker's Redis."""
    client = connect_redis_async(redis_url, connections=4)
    yield client
    await client.aclose()


async def round_trips(client: "redis.asyncio.Redis") -> int:
    """How often the key states were read so far."""
    stats = await client.info("commandstats")
    return int(stats.get("cmdstat_hgetall", {}).get("calls", 0))


async def test_many_that_ask_together_share_few_round_trips(client: "redis.asyncio.Redis") -> None:
    fleet = FleetReader(client, SystemClock())
    before = await round_trips(client)
    await asyncio.gather(*(fleet.read() for _ in range(300)))
    assert await round_trips(client) - before <= 2


async def test_no_answer_is_older_than_its_question(client: "redis.asyncio.Redis") -> None:
    fleet = FleetReader(client, SystemClock())
    written = 0

    async def ask() -> tuple[int, int | None]:
        asked_at = written
        return asked_at, (await fleet.read()).generation

    asking = []
    for generation in range(1, 60):
        await client.set(GENERATION, generation)
        written = generation
        asking += [asyncio.ensure_future(ask()) for _ in range(5)]
        await asyncio.sleep(0)
    for asked_at, answered in await asyncio.gather(*asking):
        assert answered is not None
        assert answered >= asked_at


async def test_while_redis_is_away_known_standings_hold_and_the_generation_is_unknown(redis_url: str) -> None:
    with short_folder("away") as folder:
        door = folder / "s"
        door.symlink_to(redis_url.removeprefix("unix://"))
        client = connect_redis_async(f"unix://{door}", connections=4)
        await client.set(GENERATION, 7)
        await client.hset(KEY_STATES, "key:f", json.dumps(STANDING))
        fleet = FleetReader(client, SystemClock())
        before = await fleet.read()

        door.rename(folder / "hidden")
        await client.connection_pool.disconnect()
        away = await fleet.read()
        (folder / "hidden").rename(door)
        back = await fleet.read()
        await client.aclose()

    assert (before.generation, away.generation, back.generation) == (7, None, 7)
    assert away.standings == before.standings == back.standings
    assert away.standings["key:f"].state is KeyState.QUARANTINED
    assert abs(away.now_ms - SystemClock().now_ms()) < 60_000


async def test_one_that_gives_up_waiting_does_not_take_the_answer_from_the_others(
    client: "redis.asyncio.Redis",
) -> None:
    fleet = FleetReader(client, SystemClock())
    first, second = (asyncio.ensure_future(fleet.read()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).now_ms > 0
