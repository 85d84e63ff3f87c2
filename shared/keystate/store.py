"""Key states in Redis, for an event loop (workers) and for plain code (command line)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis
import redis.asyncio
import structlog

from shared.keystate.plan import BREAKER_WINDOW_MS, SetAside
from shared.keystate.retry_budget import COUNT_CALLS, WINDOW_MS
from shared.keystate.standing import Standing
from shared.redis.names import FAILURES, GENERATION, KEY_STATES, RETRY_BUDGET

log = structlog.get_logger()

_SET_ASIDE: Final = Path(__file__).with_name("set_aside.lua").read_text()


@dataclass(frozen=True, slots=True)
class FleetView:
    """What one round trip told: the generation rung last (None = Redis does not know) and who is set aside."""

    generation: int | None
    standings: dict[str, Standing]
    now_ms: int


async def read_fleet(client: "redis.asyncio.Redis", *, calls: int = 0) -> FleetView:
    """Generation, key states and Redis's clock in one round trip, which also counts `calls` that begin."""
    pipeline = client.pipeline(transaction=False)
    pipeline.get(GENERATION)
    pipeline.hgetall(KEY_STATES)
    pipeline.time()
    if calls:
        pipeline.eval(COUNT_CALLS, 1, RETRY_BUDGET, calls, WINDOW_MS)
    return _view((await pipeline.execute())[:3])


def read_fleet_now(client: "redis.Redis") -> FleetView:
    """The same, blocking."""
    pipeline = client.pipeline(transaction=False)
    pipeline.get(GENERATION)
    pipeline.hgetall(KEY_STATES)
    pipeline.time()
    return _view(pipeline.execute())


async def set_aside(
    client: "redis.asyncio.Redis", order: SetAside, *, jitter: float, served: int = 0
) -> tuple[bool, Standing | None]:
    """Carry out `order`. True when this call did it, False when the fleet knew already; and the standing, if any.

    Args:
        jitter: 0 to 1, spreads the ends.
        served: successes of the subject seen by this process since its last report; they speak against a breaker.
    """
    reply: Any = await client.eval(
        _SET_ASIDE,
        2,
        KEY_STATES,
        FAILURES + order.subject,
        order.subject,
        order.state.value,
        -1 if order.until_ms is None else order.until_ms,
        order.base_ms,
        order.cap_ms,
        jitter,
        order.cause,
        order.advice,
        order.failures,
        BREAKER_WINDOW_MS,
        served,
    )
    return bool(reply[0]), Standing.parse(reply[1]) if reply[1] else None


async def add_standings(client: "redis.asyncio.Redis", standings: Mapping[str, Standing]) -> None:
    """Tell the fleet what this process learned while Redis was away; what others told meanwhile stays."""
    if not standings:
        return
    pipeline = client.pipeline(transaction=False)
    for subject, standing in standings.items():
        pipeline.hsetnx(KEY_STATES, subject, standing.to_json())
    await pipeline.execute()


def _view(replies: list[Any]) -> FleetView:
    generation, stored, (seconds, microseconds) = replies
    standings = {}
    for subject, text in stored.items():
        try:
            standings[subject] = Standing.parse(text)
        except (ValueError, KeyError, TypeError) as error:
            # One bad field (written by another version, or by hand) must not stop the fleet.
            log.warning("key.standing_unreadable", subject=subject, error=str(error), advice="see `keys release`")
    return FleetView(
        generation=int(generation) if str(generation).isdecimal() else None,
        standings=standings,
        now_ms=int(seconds) * 1000 + int(microseconds) // 1000,
    )
