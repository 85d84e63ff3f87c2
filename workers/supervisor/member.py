"""One worker process as its supervisor sees it: what it is, what may happen to it, what may be done about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

UNREACHABLE: Final = 3
"""Exit status of a worker that could not start because SQL or Redis did not answer."""


class Phase(StrEnum):
    """Where a worker stands; the diagram in `life.py` says who moves it on."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    HURRYING = "hurrying"
    LEAVING = "leaving"
    DUMPING = "dumping"
    KILLED = "killed"
    GONE = "gone"


STAFFED: Final = (Phase.STARTING, Phase.READY)
"""In these phases it fills its slot; in all others the slot wants another one."""


@dataclass(frozen=True, slots=True)
class Member:
    """One incarnation. Times are monotonic seconds."""

    incarnation: str
    slot: int
    born_at: float
    since: float
    heard_at: float
    phase: Phase = Phase.STARTING
    pid: int | None = None
    ready_at: float | None = None
    replaces: str | None = None
    alone_with: str | None = None
    told: str | None = None  # why it was told to end
    ill: str | None = None  # why it had to be ended
    hung: bool = False  # what it did may be its job's fault
    left: bool = False  # it said that it ends
    useful: bool = False  # it stored something of a job: starting it was worth it

    @property
    def extra(self) -> bool:
        """It runs one job alone and fills no slot."""
        return self.alone_with is not None


@dataclass(frozen=True, slots=True)
class Hello:
    """It runs, as `pid`."""

    pid: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Its event loop turns; `useful` once it has stored a step of a job."""

    useful: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """It takes jobs."""


@dataclass(frozen=True, slots=True)
class Ailing:
    """A part of it died, says it itself."""

    what: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """Its event loop stops; no more beats."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Its line closed: it is dead."""


@dataclass(frozen=True, slots=True)
class Reaped:
    """Its exit status, negative for a signal."""

    code: int


@dataclass(frozen=True, slots=True)
class Unforked:
    """It never came to be."""

    why: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


Event = Hello | Beat | Ready | Ailing | Leaving | Closed | Reaped | Unforked | Tick


@dataclass(frozen=True, slots=True)
class Tell:
    """Say "drain" or "hurry" on its line."""

    incarnation: str
    word: str
    why: str


@dataclass(frozen=True, slots=True)
class Dump:
    """Have it write its stacks."""

    member: Member


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL."""

    member: Member


@dataclass(frozen=True, slots=True)
class Bury:
    """It is dead: its claims go back. `crashed`: it did not end by itself."""

    member: Member
    why: str
    crashed: bool
    code: int | None = None

    @property
    def outage(self) -> bool:
        """It could not start because SQL or Redis did not answer."""
        return self.code == UNREACHABLE and self.member.ready_at is None


@dataclass(frozen=True, slots=True)
class ReplaceForker:
    """The forker does not fork."""

    why: str


MemberEffect = Tell | Dump | Kill | Bury | ReplaceForker
