"""A router as a worker builds it: real litellm, real Redis, real database, the sandbox as every provider."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from redis import Redis

from shared.clock import SystemClock
from shared.redis.connect import connect_redis_async
from tests.configured import Configured
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import Station
from watchkeeper.engine import build_engine
from workers.llm.call import LlmCalls
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.router.prices import Prices
from workers.router.router import Router


@pytest.fixture
def configured(sqlite_url: str, redis_url: str, sandbox: Sandbox) -> Iterator[Configured]:
    """An installation whose providers are all the sandbox; nothing is configured yet."""
    engine = build_engine(sqlite_url)
    with Redis.from_url(redis_url, decode_responses=True) as client:
        yield Configured(engine, client, sandbox.url)
    engine.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def stations(configured: Configured, redis_url: str, litellm: Any) -> AsyncIterator[list[Station]]:
    """The routers of two workers of one fleet. Publish first: they load what is there at their first call."""
    made: list[Station] = []
    for _ in range(2):
        client = connect_redis_async(redis_url, connections=8)
        clock = SystemClock()
        configuration = Configuration(configured.engine, configured.vault)
        router = Router(
            configuration=configuration,
            fleet=FleetReader(client, clock),
            client=client,
            calls=LlmCalls(litellm, lean=True),
            prices=Prices(litellm),
            clock=clock,
            jitter=lambda: 0.0,
        )
        made.append(Station(router, client, configuration))
    yield made
    for station in made:
        await station.client.aclose()


@pytest.fixture
def station(stations: list[Station]) -> Station:
    """One of them."""
    return stations[0]
