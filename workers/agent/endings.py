"""How the run of a job ends. Expected endings are values; the runner stores them."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Completed:
    """The agent answered."""

    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """The job cannot succeed; the message says why and what to do. `result` is what there is to keep all the same."""

    cause: str
    message: str
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """Nobody can serve it now. `returns_at_ms` None = it is not known when."""

    cause: str
    reasons: tuple[str, ...]
    returns_at_ms: int | None
    policy: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person or the backend said stop."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """It ran alone because it was present at crashes, and has finished what it was at: it goes on among others."""


Ending = Completed | Failed | Outage | Cancelled | Cleared
