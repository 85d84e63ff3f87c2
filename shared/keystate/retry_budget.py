"""How much the whole fleet may retry for passing causes: an outage must not be met with a multiple of the load."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis.asyncio

from shared.redis.names import RETRY_BUDGET

WINDOW_MS: Final = 60_000

ALWAYS: Final = 20
"""Retries of a window that need no calls to allow them: a small fleet may retry too."""

CALLS_PER_RETRY: Final = 10

COUNT_CALLS: Final = Path(__file__).with_name("count_calls.lua").read_text()
_SPEND: Final = Path(__file__).with_name("spend_retry.lua").read_text()


@dataclass(frozen=True, slots=True)
class Spending:
    """The fleet's window so far. `first_refusal`: nobody was refused in it before this one."""

    allowed: bool
    calls: int
    retries: int
    first_refusal: bool


async def spend_retry(client: "redis.asyncio.Redis") -> Spending:
    """Take one retry, if there is one left."""
    reply: Any = await client.eval(_SPEND, 1, RETRY_BUDGET, WINDOW_MS, ALWAYS, CALLS_PER_RETRY)
    allowed, calls, retries, first = (int(number) for number in reply)
    return Spending(bool(allowed), calls, retries, bool(first))
