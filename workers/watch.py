"""An idle worker watches the configuration too, so that it is never the late one."""

import asyncio
from typing import Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from shared.redis.names import NEWS_OF_CONFIGURATION
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader

log = structlog.get_logger()

_SECONDS: Final = 1.0
"""How long a lost piece of news, or a change while Redis is away, stays unnoticed by a worker that does nothing."""

_VERIFY_EVERY: Final = 3  # looks


async def watch_configuration(
    fleet: FleetReader, configuration: Configuration, client: "redis.asyncio.Redis"
) -> None:
    """Swap to what the doorbell names as soon as it rings, and look once a second besides, until cancelled.

    Every third look asks SQL too: after a restore of the database the same number may name something else.
    """
    bell = client.pubsub(ignore_subscribe_messages=True)
    looks = 0
    try:
        while True:
            # Subscribed before the look: what is published after the look is heard.
            listening = await _subscribe(bell)
            await configuration.current((await fleet.read()).generation)
            looks += 1
            if looks % _VERIFY_EVERY == 0:
                await configuration.verify()
            await _listen(bell) if listening else await asyncio.sleep(_SECONDS)
    finally:
        await bell.aclose()  # type: ignore[no-untyped-call]


async def _subscribe(bell: "redis.asyncio.client.PubSub") -> bool:
    if bell.subscribed:
        return True
    try:
        await bell.subscribe(NEWS_OF_CONFIGURATION)
    except (RedisError, OSError) as error:
        log.debug("config.not_listening", error=str(error))
        return False
    return True


async def _listen(bell: "redis.asyncio.client.PubSub") -> None:
    """Return when there is news, and after a second anyhow."""
    try:
        await bell.get_message(timeout=_SECONDS)
    except (RedisError, OSError) as error:
        log.debug("config.not_listening", error=str(error))
        await asyncio.sleep(_SECONDS)
