"""What the fleet knows, read in one round trip before an attempt; attempts that ask together share one read."""

import asyncio

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from shared.clock import Clock
from shared.keystate.store import FleetView, read_fleet

log = structlog.get_logger()


class FleetReader:
    """Coalesces reads. While Redis is away the known states hold and the generation has to come from SQL."""

    def __init__(self, client: "redis.asyncio.Redis", clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._next: asyncio.Task[FleetView] | None = None
        self._known = FleetView(None, {}, 0)
        self._away = False

    async def read(self) -> FleetView:
        """The fleet's state, read after this call began (never an older one while Redis answers)."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._read())
        return await asyncio.shield(self._next)

    async def _read(self) -> FleetView:
        await asyncio.sleep(0)  # let everyone who is about to ask join this read
        self._next = None  # whoever asks from here on needs a read of their own
        try:
            self._known = await read_fleet(self._client)
        except (RedisError, OSError) as error:
            if not self._away:
                log.warning(
                    "router.redis_away", error=str(error), advice="known key states hold, SQL is asked instead"
                )
            self._away = True
            return FleetView(None, self._known.standings, self._clock.now_ms())
        if self._away:
            log.info("router.redis_back")
            self._away = False
        return self._known
