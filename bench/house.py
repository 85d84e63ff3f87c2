"""A router as a worker builds it, in this process: for figures that need no other process."""

import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
import structlog
from sqlalchemy import Engine

from shared.clock import SystemClock
from shared.db.migrate import migrate
from shared.logs import redact_fields
from shared.redis.connect import connect_redis_async
from tests.configured import Configured, Provider
from tests.servers import run_valkey
from watchkeeper.engine import build_engine
from workers.journal.writer import JournalWriter
from workers.llm.setup import import_litellm
from workers.router.aftermath import Aftermath
from workers.router.attempts import Attempts
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.router.prices import Prices
from workers.router.router import Router

HOST = "bench"
KEYS = tuple(f"sandbox-bench-{number}" for number in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Installation:
    """Stores with a published configuration: provider `bench` (the sandbox) with three keys."""

    engine: Engine
    redis_url: str
    configured: Configured


@contextmanager
def installation(sandbox_url: str) -> Iterator[Installation]:
    """Fresh stores: SQLite, and a Valkey that keeps nothing."""
    with tempfile.TemporaryDirectory() as home, run_valkey() as redis_url:
        engine = build_engine(f"sqlite:///{home}/bench.db")
        migrate(engine)
        with redis.Redis.from_url(redis_url, decode_responses=True) as client:
            configured = Configured(engine, client, sandbox_url)
            configured.publish(Provider("bench", KEYS))
            yield Installation(engine, redis_url, configured)
        engine.dispose()


async def _at_once() -> None:
    """A lease that is always valid."""


@asynccontextmanager
async def router(place: Installation, calls: Any) -> AsyncIterator[tuple[Router, "redis.asyncio.Redis"]]:
    """Our router over `calls`, on this event loop."""
    client = connect_redis_async(place.redis_url, connections=8)
    clock = SystemClock()
    fleet = FleetReader(client, clock)
    writer = JournalWriter(place.engine.url.render_as_string(hide_password=False))
    writer.start()
    made = Router(
        configuration=Configuration(place.engine, place.configured.vault, HOST),
        fleet=fleet,
        attempts=Attempts(calls=calls, prices=Prices(import_litellm()), clock=clock),
        aftermath=Aftermath(
            client=client,
            fleet=fleet,
            writer=writer,
            incarnation="bench",
            host=HOST,
            clock=clock,
            jitter=lambda: 0.0,
        ),
        may_start=_at_once,
        is_open=lambda: True,
    )
    yield made, client
    await fleet.stop()
    await client.aclose()
    writer.close(timeout=10)


@contextmanager
def logs_written_to_nobody() -> Iterator[None]:
    """Events are rendered as in production, then thrown away."""
    with open(os.devnull, "w") as nobody:
        structlog.configure(
            processors=[structlog.processors.add_log_level, redact_fields, structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=structlog.PrintLoggerFactory(nobody),
        )
        try:
            yield
        finally:
            structlog.reset_defaults()
