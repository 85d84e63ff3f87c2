"""Reading the fleet: together, never stale, and on known standings while Redis is away."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
import structlog

from shared.clock import SystemClock
from shared.keystate.standing import KeyState
from shared.keystate.store import FleetView
from shared.redis.connect import connect_redis_async
from shared.redis.names import GENERATION, KEY_STATES
from tests.servers import run_valkey, short_folder
from tests.workers.router.station import eventually
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


async def until_back(fleet: FleetReader) -> FleetView:
    """What it reads once Redis answers again."""
    async with asyncio.timeout(10):
        while (view := await fleet.read()).generation is None:
            await asyncio.sleep(0.01)
    return view


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
        back = await until_back(fleet)
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


async def test_a_frozen_redis_delays_one_round_of_reads_by_half_a_second_and_nothing_else() -> None:
    gaps: list[float] = []

    async def beat() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    async def timed(reads: int) -> tuple[list[FleetView], float]:
        begun = time.perf_counter()
        views = await asyncio.gather(*(fleet.read() for _ in range(reads)))
        return views, time.perf_counter() - begun

    with run_valkey() as url, structlog.testing.capture_logs() as events:
        client = connect_redis_async(url, connections=4)
        await client.set(GENERATION, 7)
        await client.hset(KEY_STATES, "key:f", json.dumps(STANDING))
        pid = int((await client.info("server"))["process_id"])
        fleet = FleetReader(client, SystemClock())
        known = await fleet.read()
        heart = asyncio.create_task(beat())

        os.kill(pid, signal.SIGSTOP)
        try:
            frozen, first_seconds = await timed(100)
            later, later_seconds = await timed(100)
            beats = len(gaps)
            await eventually(lambda: len(gaps) > beats + 150)  # while it asks for Redis's return and gets no answer
            still, still_seconds = await timed(100)
        finally:
            os.kill(pid, signal.SIGCONT)
        back = await until_back(fleet)
        heart.cancel()
        await asyncio.wait([heart])
        await client.aclose()

    assert 0.4 < first_seconds < 0.8
    assert max(later_seconds, still_seconds) < 0.1
    assert {view.generation for view in (*frozen, *later, *still)} == {None}
    assert all(view.standings == known.standings for view in (*frozen, *later, *still))
    assert (back.generation, back.standings) == (7, known.standings)
    assert max(gaps) < 0.1
    told = [event["event"] for event in events if event["log_level"] != "debug"]
    assert told == ["router.redis_away", "router.redis_back"]


async def test_whoever_stops_looking_for_redis_leaves_no_task_behind() -> None:
    with run_valkey() as url:
        client = connect_redis_async(url, connections=4)
        pid = int((await client.info("server"))["process_id"])
        fleet = FleetReader(client, SystemClock())
        before = asyncio.all_tasks()
        os.kill(pid, signal.SIGSTOP)
        try:
            await fleet.read()
            assert len(asyncio.all_tasks() - before) == 1
            await fleet.stop()
            await eventually(lambda: asyncio.all_tasks() == before)
        finally:
            os.kill(pid, signal.SIGCONT)
        await client.aclose()
