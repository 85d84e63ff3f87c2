"""`watchkeeper.waiting` for an event loop: no thread is held while a coroutine waits for a job."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from watchkeeper.contract import DONE_CHANNEL
from watchkeeper.waiting import MAX_LISTENERS, log_deaf
from watchkeeper.wakeup import REDIS_TIMEOUT_S


def async_listening_redis(redis_url: str) -> Redis:
    """A client for `async_hear`; it connects on first use."""
    pool = ConnectionPool.from_url(
        redis_url,
        max_connections=MAX_LISTENERS,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        socket_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class AsyncEar:
    """Listens for one job's announcement; deaf (`listening` is False) while Redis is away."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self.listening = False

    async def open(self, channel: str) -> None:
        """Subscribe and wait until Redis has confirmed it, so that no later announcement is missed."""
        try:
            await self._pubsub.subscribe(channel)
            self.listening = await self._pubsub.get_message(timeout=REDIS_TIMEOUT_S) is not None
        except RedisError as error:
            self._deafen(error)

    async def wait(self, seconds: float) -> None:
        """Return at the announcement, or after `seconds`."""
        if not self.listening:
            await asyncio.sleep(seconds)
            return
        try:
            await self._pubsub.get_message(timeout=seconds)
        except RedisError as error:
            self._deafen(error)

    def _deafen(self, error: RedisError) -> None:
        self.listening = False
        log_deaf(error)


@asynccontextmanager
async def async_hear(redis: Redis, job_id: str) -> AsyncIterator[AsyncEar]:
    """Listen for the end of a job; the connection is closed on the way out, also when cancelled."""
    pubsub = redis.pubsub()
    try:
        ear = AsyncEar(pubsub)
        await ear.open(DONE_CHANNEL + job_id)
        yield ear
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py's own gap
