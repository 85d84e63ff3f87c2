"""Hears which running jobs are to stop: from Redis at once, from SQL besides, for news get lost."""

import asyncio
from typing import Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from shared.clock import Clock
from watchkeeper.contract import CANCEL_CHANNEL
from workers.runner import JobRunner

log = structlog.get_logger()

_LOOK_SECONDS: Final = 2.0
"""How often SQL is asked while Redis can be heard."""

_LOOK_UNHEARD_SECONDS: Final = 0.5
"""And while it cannot."""

_PATIENCE_SECONDS: Final = 1.0  # a frozen Redis holds up a look at SQL by this


async def watch_cancels(client: "redis.asyncio.Redis", runner: JobRunner, clock: Clock) -> None:
    """Tell `runner` what may be cancelled, until cancelled; it makes sure itself. Holds one connection."""
    ear = client.pubsub(ignore_subscribe_messages=True)
    looked_at = float("-inf")
    try:
        while True:
            heard = ear.subscribed
            listening = heard or await _subscribe(ear)
            # After a gap at once: what was said in it is in SQL.
            if not heard or clock.monotonic() - looked_at >= _LOOK_SECONDS:
                looked_at = clock.monotonic()
                runner.cancel_if_asked()
            if listening:
                job_id = await _next(ear, looked_at + _LOOK_SECONDS - clock.monotonic())
                if job_id is not None:
                    runner.cancel_if_asked(job_id)
            else:
                await asyncio.sleep(_LOOK_UNHEARD_SECONDS)
    finally:
        await ear.aclose()  # type: ignore[no-untyped-call]


async def _subscribe(ear: "redis.asyncio.client.PubSub") -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await ear.subscribe(CANCEL_CHANNEL)
    except (RedisError, OSError) as error:  # TimeoutError is an OSError
        log.debug("cancel.not_listening", error=str(error))
        await ear.aclose()  # type: ignore[no-untyped-call]
        return False
    return True


async def _next(ear: "redis.asyncio.client.PubSub", seconds: float) -> str | None:
    """The next job id; None after `seconds`, or when the connection broke, which leaves the channel."""
    try:
        message = await ear.get_message(timeout=max(0.01, min(1.0, seconds)))
    except (RedisError, OSError) as error:
        log.debug("cancel.not_listening", error=str(error))
        await ear.aclose()  # type: ignore[no-untyped-call]
        await asyncio.sleep(_LOOK_UNHEARD_SECONDS)
        return None
    return None if message is None else str(message["data"])
