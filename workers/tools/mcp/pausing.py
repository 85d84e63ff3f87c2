"""When a lost server is tried again. Pure."""

from typing import Final

GIVES_UP_AT: Final = 3
"""After so many failed attempts in a row agents are no longer offered its tools; it is tried on all the same."""

_LONGEST: Final = 60.0
_DOUBLINGS: Final = 6


def pause(failures: int, jitter: float) -> float:
    """Seconds after the `failures`-th failure in a row: 0.5-1, 1-2, 2-4, ... 30-60; `jitter` is from 0 to 1."""
    return float(min(_LONGEST, 2 ** min(failures - 1, _DOUBLINGS)) * (0.5 + jitter / 2))
