"""What the fleet knows, read in one round trip before an attempt; attempts that ask together share one read."""

import asyncio
from dataclasses import replace
from typing import Any, Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from shared.clock import Clock
from shared.keystate.standing import Standing
from shared.keystate.store import FleetView, add_standings, read_fleet

log = structlog.get_logger()

_PATIENCE_SECONDS: Final = 0.5
"""How long a read may take before Redis counts as away. A frozen Redis delays one round of attempts by this, once."""

_AGAIN_SECONDS: Final = 0.5


class FleetReader:
    """Coalesces reads. While Redis is away the known states hold and the generation has to come from SQL."""

    def __init__(self, client: "redis.asyncio.Redis", clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._next: asyncio.Task[FleetView] | None = None
        self._known = FleetView(None, {}, 0)
        self._known_at: float | None = None
        self._beginning = 0
        self._return: asyncio.Task[None] | None = None
        self._notes: dict[str, Standing] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def away(self) -> bool:
        """True while Redis does not answer."""
        return self._return is not None

    def note(self, subject: str, standing: Standing) -> None:
        """Remember what Redis could not be told; this process holds to it, the fleet hears it once Redis is back."""
        self._notes[subject] = standing
        self._known = replace(self._known, standings={**self._known.standings, subject: standing})

    def now_ms(self) -> int:
        """Redis's clock: standings are measured by it. A jump of this host's own clock changes nothing."""
        if self._known_at is None:
            return self._clock.now_ms()  # Redis has not been seen yet
        return self._known.now_ms + round(1000 * (self._clock.monotonic() - self._known_at))

    async def read(self, *, begins: bool = False) -> FleetView:
        """The fleet's state, read after this call began (never an older one while Redis answers).

        Args:
            begins: an LLM call begins with this; it counts for the fleet's retry budget.
        """
        self._beginning += begins
        if self._return is not None:
            return self._without_redis()
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._read())
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        return await asyncio.shield(self._next)

    async def stop(self) -> None:
        """Look for Redis no more; returns once nothing of this is running."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    async def _read(self) -> FleetView:
        await asyncio.sleep(0)  # let everyone who is about to ask join this read
        self._next = None  # whoever asks from here on needs a read of their own
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._read_once()
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            if self._return is None:
                words = str(error) or f"no answer within {_PATIENCE_SECONDS} s"
                log.warning("router.redis_away", error=words, advice="known key states hold, SQL is asked instead")
                self._return = asyncio.get_running_loop().create_task(self._await_return())
                self._tasks.add(self._return)
                self._return.add_done_callback(self._tasks.discard)
            return self._without_redis()
        return self._known

    async def _await_return(self) -> None:
        """Ask until Redis answers, so that no attempt has to wait for it meanwhile."""
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await add_standings(self._client, self._notes)
                    await self._read_once()
            except (RedisError, OSError) as error:
                log.debug("router.redis_still_away", error=str(error))
            else:
                self._return = None
                log.info("router.redis_back", told=sorted(self._notes))
                self._notes.clear()
                return

    def _without_redis(self) -> FleetView:
        return replace(self._known, generation=None, now_ms=self.now_ms())

    async def _read_once(self) -> None:
        calls, self._beginning = self._beginning, 0
        self._known = await read_fleet(self._client, calls=calls)
        self._known_at = self._clock.monotonic()
