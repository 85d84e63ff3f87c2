"""An idle worker takes a change up at once while Redis answers, and by itself while it does not."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis import Redis

from shared.clock import SystemClock
from shared.redis.connect import connect_redis_async
from tests.configured import Configured, Provider
from watchkeeper.engine import build_engine
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.watch import watch_configuration

A = Provider("alpha", ("alpha-secret-key-0001",))
B = Provider("beta", ("beta-secret-key-0001",))
DEAD_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def configured(database_url: str, redis_url: str) -> Iterator[Configured]:
    """An installation on either database."""
    engine = build_engine(database_url)
    with Redis.from_url(redis_url, decode_responses=True) as client:
        yield Configured(engine, client, "http://127.0.0.1:1")
    engine.dispose()


@pytest.mark.parametrize(("away", "seconds"), [(False, 0.5), (True, 5.0)])
async def test_an_idle_worker_swaps_by_itself(
    away: bool, seconds: float, configured: Configured, redis_url: str
) -> None:
    configured.publish(A)
    configuration = Configuration(configured.engine, configured.vault, "here")
    client = connect_redis_async(DEAD_REDIS if away else redis_url, connections=2)
    fleet = FleetReader(client, SystemClock())
    watching = asyncio.create_task(watch_configuration(fleet, configuration, client))
    if not away:
        async with asyncio.timeout(5):
            while not configured.redis.pubsub_numsub("watchkeeper:config")[0][1]:
                await asyncio.sleep(0)

    newest = await asyncio.to_thread(configured.publish, B)
    async with asyncio.timeout(seconds):
        await configuration.swapped.wait()

    assert configuration.routes.generation == newest.generation
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await fleet.stop()
    await client.aclose()
