"""One worker's router, and the question it is asked."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import redis.asyncio

from shared.keystate.standing import Standing
from shared.keystate.store import read_fleet
from shared.redis.names import CANARY, KEY_STATES
from workers.journal.records import Attempt
from workers.router.calls import Call, Outcome
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.router.router import Router

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Station:
    """A router with what it stands on."""

    router: Router
    client: "redis.asyncio.Redis"
    configuration: Configuration
    fleet: FleetReader

    async def ask(self, text: str = "hello", **call: Any) -> tuple[Outcome, list[Attempt]]:
        """Serve one call of the agent `default`; its outcome and the attempts it took."""
        made = Call("default", 1, [{"role": "user", "content": text}], [], call.pop("deadline_ms", None))
        return await self.router.serve(made), made.attempts

    async def standings(self) -> dict[str, Standing]:
        """Who is set aside, for the whole fleet."""
        return (await read_fleet(self.client)).standings

    async def end_its_time(self, subject: str) -> None:
        """The time aside of `subject` is over: a canary may try it."""
        row = json.loads(str(await self.client.hget(KEY_STATES, subject)))
        await self.client.hset(KEY_STATES, subject, json.dumps({**row, "until_ms": 1}))

    async def canaries(self) -> set[str]:
        """Which subjects somebody of the fleet is trying."""
        return {str(name).removeprefix(CANARY) async for name in self.client.scan_iter(CANARY + "*")}


async def eventually(predicate: Callable[[], Found], timeout: float = 10.0) -> Found:
    """`tests.waiting.wait_until` for a coroutine: the event loop goes on meanwhile."""
    async with asyncio.timeout(timeout):
        while not (found := predicate()):
            await asyncio.sleep(0.005)
    return found
