"""A router as a worker builds it: real litellm, real Redis, real database, the sandbox as every provider."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from redis import Redis

from shared.clock import Clock, SystemClock
from shared.redis.connect import connect_redis_async
from tests.configured import Configured
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import Station
from watchkeeper.engine import build_engine
from workers.journal.writer import JournalWriter
from workers.llm.call import LlmCalls
from workers.router.aftermath import Aftermath
from workers.router.attempts import Attempts
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.router.prices import Prices
from workers.router.router import Router

HOST = "here"


@pytest.fixture
def configured(sqlite_url: str, redis_url: str, sandbox: Sandbox) -> Iterator[Configured]:
    """An installation whose providers are all the sandbox; nothing is configured yet."""
    engine = build_engine(sqlite_url)
    with Redis.from_url(redis_url, decode_responses=True) as client:
        yield Configured(engine, client, sandbox.url)
    engine.dispose()


async def _at_once() -> None:
    """A lease that is always valid."""


@asynccontextmanager
async def open_station(
    configured: Configured,
    redis_url: str,
    litellm: Any,
    incarnation: str,
    may_start: Callable[[], Awaitable[None]] = _at_once,
    clock: Clock | None = None,
) -> AsyncIterator[Station]:
    """One worker's router. Publish first: it loads what is there."""
    client = connect_redis_async(redis_url, connections=8)
    clock = clock or SystemClock()
    configuration = Configuration(configured.engine, configured.vault, HOST)
    fleet = FleetReader(client, clock)
    writer = JournalWriter(configured.engine.url.render_as_string(hide_password=False))
    writer.start()
    router = Router(
        configuration=configuration,
        fleet=fleet,
        attempts=Attempts(calls=LlmCalls(litellm, lean=True), prices=Prices(litellm), clock=clock),
        aftermath=Aftermath(
            client=client,
            fleet=fleet,
            writer=writer,
            incarnation=incarnation,
            host=HOST,
            clock=clock,
            jitter=lambda: 0.0,
        ),
        may_start=may_start,
        is_open=lambda: True,
    )
    yield Station(router, client, configuration, fleet)
    await fleet.stop()
    await client.aclose()
    assert writer.close(timeout=10)


@pytest_asyncio.fixture(loop_scope="session")
async def stations(configured: Configured, redis_url: str, litellm: Any) -> AsyncIterator[list[Station]]:
    """The routers of two workers of one fleet, on one host. Publish first: they load at their first call."""
    async with (
        open_station(configured, redis_url, litellm, "A") as one,
        open_station(configured, redis_url, litellm, "B") as other,
    ):
        yield [one, other]


@pytest.fixture
def station(stations: list[Station]) -> Station:
    """One of them."""
    return stations[0]
