"""How far a reader has come in a job's story, as far as SQL can tell it: the ids of events that came from SQL."""

import re
from collections.abc import Iterable
from typing import Final

_ID: Final = re.compile(r"sql-(\d+(?:\.\d+)*)-(\d+(?:\.\d+)*)?")


def place_id(finished: Iterable[int], begun: Iterable[int]) -> str:
    """`sql-<finished>-<begun>`: the steps told whole, and those told in part.

    Of the finished ones the first number stands for all up to it: "sql-4.6-5" is 1, 2, 3, 4 and 6, and a part of 5.
    """
    left = set(finished)
    upto = 0
    while upto + 1 in left:
        upto += 1
    rest = sorted(number for number in left if number > upto)
    return f"sql-{_joined([upto, *rest])}-{_joined(sorted(begun))}"


def place_of(event_id: str) -> tuple[set[int], set[int]] | None:
    """What `place_id` was given; None when `event_id` is none of its ids."""
    match = _ID.fullmatch(event_id)
    if match is None:
        return None
    upto, *rest = _numbers(match[1])
    return {*range(1, upto + 1), *rest}, set(_numbers(match[2] or ""))


def _joined(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(".") if part]
