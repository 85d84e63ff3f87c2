"""A clock that tests move by hand."""

from dataclasses import dataclass


@dataclass(slots=True)
class MovedClock:
    """Both clocks; seconds and milliseconds go forward together."""

    seconds: float = 1000.0

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return round(self.seconds * 1000)

    def monotonic(self) -> float:
        """Seconds."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
