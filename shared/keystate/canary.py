"""Trying what is due: one try of the fleet holds the leases of its subjects, and speaks only for what it tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis.asyncio

from shared.redis.names import CANARY, FAILURES, KEY_STATES

_TAKE: Final = Path(__file__).with_name("take_canary.lua").read_text()
_RETURN: Final = Path(__file__).with_name("return_canary.lua").read_text()
_CLEAR: Final = Path(__file__).with_name("clear.lua").read_text()


@dataclass(frozen=True, slots=True)
class Canary:
    """One try.

    Attributes:
        holder: its name on the leases; no other try ever has the same.
        tried: subject -> `since_ms` of the standing that is due.
    """

    holder: str
    tried: Mapping[str, int]

    @property
    def _leases(self) -> list[str]:
        return [CANARY + subject for subject in self.tried]


async def take_canary(client: "redis.asyncio.Redis", canary: Canary, *, lease_ms: int) -> bool:
    """True when every subject is this canary's to try; the leases end by themselves."""
    leases = canary._leases
    taken: Any = await client.eval(_TAKE, len(leases), *leases, canary.holder, lease_ms)
    return bool(taken)


async def return_canary(client: "redis.asyncio.Redis", canary: Canary) -> None:
    """The try is over, another one may be made. Leases of others stay: it may be called without having any."""
    leases = canary._leases
    reply: Any = client.eval(_RETURN, len(leases), *leases, canary.holder)
    await reply


async def clear(client: "redis.asyncio.Redis", canary: Canary) -> tuple[str, ...]:
    """What was tried served again: forget those standings and return the leases.

    Returns:
        The subjects that are ready now; one that was set aside anew meanwhile is not.
    """
    keys = [KEY_STATES]
    tried: list[str | int] = []
    for subject, since_ms in canary.tried.items():
        keys += [CANARY + subject, FAILURES + subject]
        tried += [subject, since_ms]
    cleared: Any = await client.eval(_CLEAR, len(keys), *keys, canary.holder, *tried)
    return tuple(cleared)
