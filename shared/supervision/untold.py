"""Ends that SQL could not be told of: whoever ended leaves them in Redis, the scheduler writes them to SQL.

SQL stays the truth: until it is told, a job is its worker's. Losing a note costs the time in which a heartbeat has to
stand still.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import redis
import structlog

from shared.redis.names import UNTOLD

log = structlog.get_logger()

KEPT_SECONDS: Final = 86_400
"""Without a scheduler for so long, heartbeats tell it."""


@dataclass(frozen=True, slots=True)
class Untold:
    """How an incarnation ended; `crashed`: not by itself."""

    incarnation: str
    why: str
    crashed: bool = False


def leave_untold(client: "redis.Redis", ends: list[Untold]) -> None:
    """Leave `ends` for the scheduler. Only for processes that have ended, or write nothing more.

    Raises:
        redis.exceptions.RedisError: Redis is away; heartbeats tell it.
    """
    pipeline = client.pipeline(transaction=True)
    for end in ends:
        pipeline.hset(UNTOLD, end.incarnation, json.dumps({"why": end.why, "crashed": end.crashed}))
    pipeline.expire(UNTOLD, KEPT_SECONDS)
    pipeline.execute()


def read_untold(client: "redis.Redis") -> list[Untold]:
    """What was left and not forgotten yet. What cannot be understood is logged and forgotten.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    left: Any = {}
    ends: list[Untold] = []
    try:
        left = client.hgetall(UNTOLD)
    except UnicodeDecodeError as error:
        _tell_malformed(error)
        client.delete(UNTOLD)
    for incarnation, text in left.items():
        try:
            fields = json.loads(text)
            ends.append(Untold(incarnation, str(fields["why"]), bool(fields["crashed"])))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            _tell_malformed(error)
            client.hdel(UNTOLD, incarnation)
    return ends


def forget_untold(client: "redis.Redis", ends: list[Untold]) -> None:
    """SQL knows them now.

    Raises:
        redis.exceptions.RedisError: Redis is away; they are told once more, which changes nothing.
    """
    client.hdel(UNTOLD, *(end.incarnation for end in ends))


def _tell_malformed(error: Exception) -> None:
    log.warning("untold.malformed", error=repr(error), advice="is another version of us writing?")
