"""A worker whose own clock jumps goes on by the database's."""

from dataclasses import dataclass

from workers.database_clock import DatabaseClock


@dataclass
class JumpingClock:
    """A host's two clocks: only one of them jumps."""

    wall_ms: int = 5_000
    seconds: float = 100.0

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self.wall_ms

    def monotonic(self) -> float:
        """Seconds."""
        return self.seconds


def test_a_jump_of_the_hosts_clock_changes_nothing_once_the_database_was_heard() -> None:
    host = JumpingClock()
    clock = DatabaseClock(host)
    assert clock.now_ms() == 5_000
    clock.set(1_000_000)
    host.wall_ms += 3_600_000
    host.seconds += 2.5
    assert (clock.now_ms(), clock.monotonic()) == (1_002_500, 102.5)
    host.wall_ms -= 9_000_000
    assert clock.now_ms() == 1_002_500
    clock.set(1_003_000)
    assert clock.now_ms() == 1_003_000
