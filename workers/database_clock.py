"""The database's clock, as a worker can know it without asking each time."""

from shared.clock import Clock


class DatabaseClock:
    """Set by every claim, and carried on by the monotonic clock: a jump of this host's own clock changes nothing.

    Deadlines and times to go on are the database's (docs/adr/0003). Before the first claim it is the host's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: tuple[int, float] | None = None

    def set(self, now_ms: int) -> None:
        """The database just said so."""
        self._known = now_ms, self._clock.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        if self._known is None:
            return self._clock.now_ms()
        said_ms, at = self._known
        return said_ms + round(1000 * (self._clock.monotonic() - at))

    def monotonic(self) -> float:
        """Seconds."""
        return self._clock.monotonic()
