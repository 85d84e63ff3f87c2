"""The worker's routes: replaced as one when the generation differs, never half (DESIGN 5)."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.config.publishing import load_newest, newest_print
from shared.db.reading import reading
from shared.errors import ServiceError
from shared.vault import Vault
from workers.router.routes import Routes

log = structlog.get_logger()

T = TypeVar("T")

_RETRY_SECONDS: Final = 0.5


class Configuration:
    """Holds the newest routes that could be built and brings them up to date.

    `routes.generation` may be told to others as acknowledged: from the moment `routes` is replaced, no attempt of
    this worker starts on older ones. For the router starts an attempt without awaiting anything between the return
    of `current` and the call of `Attempts.make` (or looks again whether `routes` are still these), and `current`
    returns what `routes` is at that very moment, on the one thread of the event loop: whoever read the fleet's state
    before the change either has started before the swap, or passes through `current` after it. There an older number
    differs from `routes.generation`, so SQL is asked, and SQL knows the newer one. `swapped` is set after a swap,
    and `on_swap` called with the new routes.
    """

    def __init__(self, engine: Engine, vault: Vault, host: str) -> None:
        self._engine = engine
        self._host = host
        self._vault = vault
        self._lock = asyncio.Lock()
        self._refused: tuple[int, str] | None = None
        self.swapped = asyncio.Event()
        self.on_swap: Callable[[Routes], None] = lambda routes: None
        self.routes, self._print = self._load()

    async def current(self, rung: int | None) -> Routes:
        """The routes to use now.

        Args:
            rung: the generation Redis named; None = it did not say, SQL is asked.
        """
        if self._knows(rung):
            return self.routes
        async with self._lock:
            if self._knows(rung):
                return self.routes
            newest = await self._from_sql(self._newest)
            if newest not in (self._print, self._refused):
                await self._swap(newest)
            return self.routes

    async def verify(self) -> None:
        """Notice what the number does not tell: a restored database may use it again for other content.

        Once: whoever needs SQL waits for it in `current`.
        """
        try:
            newest = await asyncio.to_thread(self._newest)
        except SQLAlchemyError as error:
            log.debug("config.unverified", error=type(error).__name__)
            return
        if newest not in (self._print, self._refused):
            await self.current(None)

    def _knows(self, rung: int | None) -> bool:
        refused = self._refused[0] if self._refused else None
        return rung is not None and rung in (self.routes.generation, refused)

    async def _from_sql(self, read: Callable[[], T]) -> T:
        """What `read` returns; while SQL is away too, nothing starts: wait (the job's deadline still holds)."""
        told = False
        while True:
            try:
                return await asyncio.to_thread(read)
            except SQLAlchemyError as error:
                if not told:
                    log.error("config.sql_away", error=type(error).__name__, advice="no attempt starts until then")
                told = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def _swap(self, newest: tuple[int, str]) -> None:
        before = self.routes.generation
        try:
            self.routes, self._print = await self._from_sql(self._load)
        except (ServiceError, ValueError, KeyError, TypeError) as error:
            self._refused = newest
            log.error(
                "config.unusable",
                generation=newest[0],
                running_on=before,
                error=str(error),
                advice="this worker goes on with the configuration it has; correct it and publish again",
            )
            return
        self.swapped.set()
        self.on_swap(self.routes)
        log.info("config.swapped", before=before, generation=self.routes.generation)

    def _newest(self) -> tuple[int, str]:
        with reading(self._engine) as connection:
            return newest_print(connection)

    def _load(self) -> tuple[Routes, tuple[int, str]]:
        with reading(self._engine) as connection:
            # The print first: published in between, the routes are newer than it says, and are looked at again.
            read = newest_print(connection)
            return Routes(load_newest(connection), self._vault, self._host), read
