"""Orders to a supervisor: a list in Redis per supervisor, read by it alone.

An order names an incarnation, never a place: a worker that ended meanwhile is not succeeded by its order. Losing one
is harmless: the scheduler asks again, and a person sees in `watchkeeper workers ls` that nothing happened.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

import redis
import structlog

from shared.redis.names import ORDERS

log = structlog.get_logger()

ORDER_SECONDS: Final = 60
"""An order nobody took for this long is gone: what a person asked for a minute ago must not surprise them now."""

MAX_PROCESSES: Final = 64
"""The most workers one supervisor is asked to keep."""


class Action(StrEnum):
    """What a supervisor is asked to do; with `roll` and `scale` as a whole, else with one of its workers."""

    RECYCLE = "recycle"
    """Start a replacement, wait until it is ready, then drain this one."""

    DRAIN = "drain"
    """Finish what runs, take no more; not replaced until the next `scale`."""

    STOP = "stop"
    """As drain, but running jobs go back at their last finished step at once."""

    SCALE = "scale"
    """Keep `processes` workers from now on."""

    ROLL = "roll"
    """Recycle all of them, one by one."""


OF_ONE_WORKER: Final = frozenset({Action.RECYCLE, Action.DRAIN, Action.STOP})


@dataclass(frozen=True, slots=True)
class Order:
    """One thing asked. Raises ValueError when it does not say of whom, or of how many."""

    action: Action
    why: str
    by: str
    incarnation: str | None = None
    processes: int | None = None

    def __post_init__(self) -> None:
        if self.action in OF_ONE_WORKER and not self.incarnation:
            raise ValueError(f"{self.action} names an incarnation")
        if self.action is Action.SCALE and not (
            isinstance(self.processes, int) and 0 <= self.processes <= MAX_PROCESSES
        ):
            raise ValueError(f"scale says how many processes, 0 to {MAX_PROCESSES}")


def send_order(client: "redis.Redis", supervisor: str, order: Order) -> None:
    """Put `order` behind those the supervisor has not taken yet.

    Raises:
        redis.exceptions.RedisError: Redis is away; nothing was asked.
    """
    pipeline = client.pipeline(transaction=True)  # a list without its TTL would stay for ever
    pipeline.rpush(ORDERS + supervisor, json.dumps(asdict(order)))
    pipeline.expire(ORDERS + supervisor, ORDER_SECONDS)
    pipeline.execute()


def take_orders(client: "redis.Redis", supervisor: str, block_seconds: float) -> list[Order]:
    """Wait for orders up to `block_seconds` (the client's socket must be more patient), the oldest first.

    One that cannot be understood is logged and skipped.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    name = ORDERS + supervisor
    first: Any = client.blpop([name], timeout=block_seconds)
    if first is None:
        return []
    rest: Any = client.lpop(name, 1000)
    found = [_understood(text, supervisor) for text in (first[1], *(rest or ()))]
    return [order for order in found if order is not None]


def _understood(text: str, supervisor: str) -> Order | None:
    try:
        fields = json.loads(text)
        return Order(
            action=Action(fields["action"]),
            why=str(fields["why"]),
            by=str(fields["by"]),
            incarnation=fields.get("incarnation"),
            processes=fields.get("processes"),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning(
            "order.malformed", supervisor=supervisor, error=repr(error), advice="is another version of us writing?"
        )
        return None
