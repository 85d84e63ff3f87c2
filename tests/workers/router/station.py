"""One worker's router, and the question it is asked."""

from dataclasses import dataclass
from typing import Any

import redis.asyncio

from shared.keystate.standing import Standing
from shared.keystate.store import read_fleet
from workers.journal.records import Attempt
from workers.router.configuration import Configuration
from workers.router.router import Call, Outcome, Router


@dataclass(frozen=True, slots=True)
class Station:
    """A router with what it stands on."""

    router: Router
    client: "redis.asyncio.Redis"
    configuration: Configuration

    async def ask(self, text: str = "hello", **call: Any) -> tuple[Outcome, list[Attempt]]:
        """Serve one call of the agent `default`; its outcome and the attempts it took."""
        made = Call("default", 1, [{"role": "user", "content": text}], [], call.pop("deadline_ms", None))
        return await self.router.serve(made), made.attempts

    async def standings(self) -> dict[str, Standing]:
        """Who is set aside, for the whole fleet."""
        return (await read_fleet(self.client)).standings
