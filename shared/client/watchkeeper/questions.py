"""What a narrator asks, and what it is answered: the reader of a story looks it up, in SQL or in Redis."""

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias

from watchkeeper.events import Event


@dataclass(frozen=True, slots=True)
class Look:
    """Asks for the row and all finished steps but `known` (None: none); the answer is `Found`."""

    known: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Read:
    """Asks for entries behind `after`, waiting for one if told so; the answer is a list of `Entry`, or `NoStream`."""

    after: str
    wait: bool


@dataclass(frozen=True, slots=True)
class Rest:
    """Asks to wait until the job may have gone on."""


class NoStream(Enum):
    """Why there are no entries to read."""

    GONE = auto()  # Redis answers, and there is no such stream
    AWAY = auto()  # Redis does not answer


Telling: TypeAlias = Generator[Event | Look | Read | Rest, Any, None]
"""Yields events to tell, and questions whose answers are sent in."""
