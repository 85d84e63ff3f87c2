"""A fleet as the supervisor keeps it, without processes and without time passing."""

from collections.abc import Sequence
from itertools import count

from workers.supervisor.fleet import Fleet, Start
from workers.supervisor.member import Bury, Hello, Ready

DRAIN = 25.0


def a_fleet(size: int = 2) -> Fleet:
    """Nobody is started yet; incarnations are called "worker 1", "worker 2"..."""
    numbers = count(1)
    return Fleet(size=size, drain_seconds=DRAIN, new_id=lambda: f"worker {next(numbers)}")


def started(fleet: Fleet, now: float) -> list[str]:
    """Whom the fleet has forked at `now`; they have said hello."""
    found = [effect.member.incarnation for effect in fleet.tick(now, can_fork=True) if isinstance(effect, Start)]
    for number, incarnation in enumerate(found):
        fleet.happened(incarnation, Hello(100 + number), now)
    return found


def come_up(fleet: Fleet, now: float) -> list[str]:
    """Start who is missing, and let them be ready."""
    found = started(fleet, now)
    for incarnation in found:
        fleet.happened(incarnation, Ready(), now)
    return found


def burials(effects: Sequence[object]) -> list[tuple[str, bool]]:
    """Why the buried died, and whether that was a crash."""
    return [(effect.why, effect.crashed) for effect in effects if isinstance(effect, Bury)]
