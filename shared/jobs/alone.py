"""Jobs that workers crashed with: which of them run alone in a process, and when it is enough (docs/adr/0009)."""

from typing import Any, Final

import redis

from watchkeeper.contract import ALONE_QUEUE, WAKE_QUEUE

ALONE_AT_CRASHES: Final = 2
"""From so many crashes on, without a finished step in between, a job only runs alone."""

DEAD_AT_CRASHES_ALONE: Final = 2
"""A job that crashed its own process so often runs no more."""


def queue_of(crashes: int) -> str:
    """Where the wake-ups of a job with so many crashes go."""
    return ALONE_QUEUE if crashes >= ALONE_AT_CRASHES else WAKE_QUEUE


def add_wake_ups(pipeline: "redis.client.Pipeline", queue: str, scores: dict[str, float]) -> None:
    """Add wake-ups by job id; none adds no command. One reply per command: how many were not there yet."""
    members: dict[Any, float] = {**scores}
    if members:
        pipeline.zadd(queue, members, nx=True)
