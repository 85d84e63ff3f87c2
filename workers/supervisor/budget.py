"""How often a worker may die: at once again after a life, later and later after none, and at last not at all."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

QUICK_SECONDS: Final = 2.0
"""A worker that dies sooner after it was ready has not lived: its successor waits."""

PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the next start in a slot, by its quick deaths in a row."""

UNBORN: Final = 5
"""So many deaths before ready for each slot, with nobody ready in between: it does not start any more.

Unless somebody lives: a healthy worker is not taken down because its replacement does not come up."""

QUICK_DEATHS: Final = 20
"""So many quick deaths within WINDOW_SECONDS, while nobody lived STABLE_SECONDS."""

WINDOW_SECONDS: Final = 300.0
STABLE_SECONDS: Final = 60.0


@dataclass(slots=True)
class Budget:
    """Counts deaths of a fleet of `size`. Times are monotonic seconds."""

    size: int
    _in_a_row: dict[int, int] = field(default_factory=dict)
    _not_before: dict[int, float] = field(default_factory=dict)
    _quick: deque[float] = field(default_factory=deque)
    _unborn: int = 0
    _last_words: str = ""

    def ready(self) -> None:
        """Somebody became ready: starting works."""
        self._unborn = 0

    def lived(self, seconds: float) -> None:
        """Somebody has been ready for so long."""
        if seconds >= STABLE_SECONDS:
            self._quick.clear()
            self._unborn = 0

    def died(self, slot: int, lived: float | None, why: str, now: float, *, counts: bool = True) -> float:
        """A worker of `slot` died, `lived` seconds after it was ready (None: it never was); the pause in seconds.

        Args:
            counts: False when it was not its own doing, as in an outage of the stores: only the pause grows.
        """
        self._last_words = why
        if lived is not None and lived >= QUICK_SECONDS:
            self._in_a_row.pop(slot, None)
            self.lived(lived)
            return 0.0
        deaths = self._in_a_row[slot] = self._in_a_row.get(slot, 0) + 1
        if counts:
            self._unborn += lived is None
            self._quick.append(now)
        # One that never came up will not come up at once either.
        pause = PAUSES[min(deaths - (lived is not None), len(PAUSES) - 1)]
        self._not_before[slot] = now + pause
        return pause

    def may_start(self, slot: int, now: float) -> bool:
        """The pause of `slot` is over."""
        return now >= self._not_before.get(slot, 0.0)

    def spent(self, now: float) -> str | None:
        """Why there is no use in going on, in words."""
        while self._quick and now - self._quick[0] > WINDOW_SECONDS:
            self._quick.popleft()
        if self._unborn >= UNBORN * max(self.size, 1):
            return f"{self._unborn} workers in a row died before they were ready; the last one: {self._last_words}"
        if len(self._quick) >= QUICK_DEATHS:
            return (
                f"{len(self._quick)} workers died within {QUICK_SECONDS:g} s of being ready in the last "
                f"{WINDOW_SECONDS:g} s; the last one: {self._last_words}"
            )
        return None
