"""Time as an argument: parts take a Clock, tests hand in one they move by hand."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored or shown, monotonic time for what is measured."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever go forward."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


def moment(now_ms: int) -> datetime:
    """`now_ms` as an aware UTC datetime."""
    return datetime.fromtimestamp(now_ms / 1000, UTC)
