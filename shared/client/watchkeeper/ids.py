"""Job ids: UUID version 7 (RFC 9562), so that ids sort by the time they were made."""

import os
import threading
import time
from collections.abc import Callable
from uuid import UUID

_RANDOM_BITS = 74
_STEP_BITS = 32


class IdMaker:
    """Makes ids that strictly increase within this process, also when its clock steps back.

    `now_ns` is nanoseconds since 1970 UTC; `random_bytes` must come from the system, so that two forks of
    one process never make the same id.
    """

    def __init__(
        self, now_ns: Callable[[], int] = time.time_ns, random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._now_ns = now_ns
        self._random_bytes = random_bytes
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        """The next id, in the 36-character form."""
        fresh = int.from_bytes(self._random_bytes(10)) >> (80 - _RANDOM_BITS)
        value = (self._now_ns() // 1_000_000) << _RANDOM_BITS | fresh
        with self._lock:
            if value <= self._last:
                value = self._last + 1 + (fresh & ((1 << _STEP_BITS) - 1))
            self._last = value
        return str(_uuid7(value))


def _uuid7(value: int) -> UUID:
    """Spread 48 bits of time and 74 random ones around the fixed version and variant bits."""
    low = value & ((1 << 62) - 1)
    middle = (value >> 62) & ((1 << 12) - 1)
    milliseconds = value >> _RANDOM_BITS
    return UUID(int=milliseconds << 80 | 0x7 << 76 | middle << 64 | 0b10 << 62 | low)
