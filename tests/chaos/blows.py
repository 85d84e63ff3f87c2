"""What is done to the system: a sequence drawn from a seed, one blow after the other."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

POINTS = (
    "before_claim",
    "after_claim",
    "before_llm_request",
    "during_llm_call",
    "during_stream",
    "after_llm_reply",
    "before_step_commit",
    "after_step_commit",
    "before_tool",
    "after_tool_start_commit",
    "in_tool",
    "before_final_commit",
    "after_commit_before_wakeup",
)
"""Where a worker can be made to die: tests.chaos.points."""

_LLM_OPEN = 0.8
"""The part of all kills that hits a worker while an LLM call is open."""

OTHERS = ("controller", "forker", "scheduler", "valkey")


@dataclass(frozen=True, slots=True)
class Blow:
    """`target`: a point's name, "worker" (any, at any moment), or one of OTHERS. `pause` in seconds before it."""

    target: str
    pause: float
    pick: float


def blows(seed: int, kills: int, others: float) -> Iterator[Blow]:
    """The sequence of `seed`: kills of workers, each named point as often as the next, and between them others.

    Args:
        others: how many kills of other processes come on one kill of a worker, 0 to 1.
    """
    chance = random.Random(seed)
    quiet = [point for point in POINTS if point != "during_llm_call"]
    for number in range(kills):
        if chance.random() < others:
            yield Blow(chance.choice(OTHERS), chance.uniform(0.1, 0.4), chance.random())
        open_call = chance.random() < _LLM_OPEN
        target = "during_llm_call" if open_call else quiet[number % len(quiet)]
        if open_call and chance.random() < 0.5:
            target = "worker"
        yield Blow(target, chance.uniform(0.05, 0.3), chance.random())


def only(seed: int, target: str, times: int) -> Iterator[Blow]:
    """The same blow `times` times, at moments drawn from the seed."""
    chance = random.Random(seed)
    for _ in range(times):
        yield Blow(target, chance.uniform(0.05, 1.0), chance.random())


def evenly(seed: int, times: int) -> Iterator[Blow]:
    """Every named point `times` times, in an order drawn from the seed."""
    chance = random.Random(seed)
    targets = [point for point in POINTS for _ in range(times)]
    chance.shuffle(targets)
    for target in targets:
        yield Blow(target, chance.uniform(0.05, 0.2), chance.random())
