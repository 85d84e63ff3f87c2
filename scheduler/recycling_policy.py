"""Which workers have lived long enough: a pure decision from what their heartbeats told."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.supervision.limits import Limits

LAGGING_BEATS: Final = 3
BEHIND_SECONDS: Final = 60.0
SETTLING_SECONDS: Final = 60.0
"""A younger worker is not judged by memory, connections or lag: its start is the heaviest time, and a limit below
what a worker needs from the beginning would replace workers without end."""

_SPREAD: Final = 0.2


@dataclass(frozen=True, slots=True)
class Life:
    """One live worker of a supervisor as the heartbeats show it."""

    incarnation: str
    supervisor: str
    draining: bool
    asked: bool
    """An order is on its way, and still fresh."""

    age_seconds: float
    jobs_done: int
    rss_mb: int
    connections: int
    lagging_beats: int
    """Heartbeats in a row with a lag above the limit."""

    behind_seconds: float
    """How long it has been heard of on an older generation than the newest, while others reached that."""


@dataclass(frozen=True, slots=True)
class Recycle:
    """Replace this one, and why, in words."""

    incarnation: str
    supervisor: str
    why: str


def stretched(limits: Limits, incarnation: str) -> Limits:
    """The incarnation's own limits: the same always, 0 to 20 % higher, so that siblings do not go together."""
    digest = hashlib.blake2b(incarnation.encode(), digest_size=8).digest()
    factor = 1 + _SPREAD * int.from_bytes(digest) / 2**64
    return replace(
        limits,
        jobs=round(limits.jobs * factor),
        age_seconds=limits.age_seconds * factor,
        rss_mb=round(limits.rss_mb * factor),
        connections=round(limits.connections * factor),
    )


def excess(life: Life, limits: Limits) -> str | None:
    """What speaks against this worker, or None. `limits` are the fleet's."""
    own = stretched(limits, life.incarnation)
    if life.behind_seconds > BEHIND_SECONDS:
        return f"failed reload: behind the newest configuration for {life.behind_seconds:.0f} s"
    if own.jobs and life.jobs_done >= own.jobs:
        return f"jobs: {life.jobs_done} done (its limit {own.jobs})"
    if own.age_seconds and life.age_seconds >= own.age_seconds:
        return f"age: {life.age_seconds:.0f} s (its limit {own.age_seconds:.0f} s)"
    if life.age_seconds < SETTLING_SECONDS:
        return None
    if own.rss_mb and life.rss_mb >= own.rss_mb:
        return f"memory: {life.rss_mb} MiB (its limit {own.rss_mb} MiB)"
    if own.connections and life.connections >= own.connections:
        return f"connections: {life.connections} open (its limit {own.connections})"
    if own.loop_lag_ms and life.lagging_beats >= LAGGING_BEATS:
        return f"event loop: behind by more than {own.loop_lag_ms} ms in {life.lagging_beats} heartbeats in a row"
    return None


def choose(lives: Sequence[Life], limits: Limits) -> list[Recycle]:
    """Whom to replace now: the oldest first, at most `at_once` of a supervisor on their way out."""
    leaving: dict[str, int] = {}
    for life in lives:
        if life.draining or life.asked:
            leaving[life.supervisor] = leaving.get(life.supervisor, 0) + 1
    chosen = []
    for life in sorted(lives, key=lambda life: life.age_seconds, reverse=True):
        if life.draining or life.asked or leaving.get(life.supervisor, 0) >= limits.at_once:
            continue
        why = excess(life, limits)
        if why is not None:
            leaving[life.supervisor] = leaving.get(life.supervisor, 0) + 1
            chosen.append(Recycle(life.incarnation, life.supervisor, why))
    return chosen
