"""All workers of one supervisor: who is missing, who is to be replaced, what next. Decides, and touches nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from workers.supervisor.budget import QUICK_SECONDS, Budget
from workers.supervisor.life import START_SECONDS, advance, tell
from workers.supervisor.member import (
    STAFFED,
    Bury,
    Dump,
    Event,
    Kill,
    Member,
    Phase,
    Ready,
    ReplaceForker,
    Tell,
    Tick,
)


@dataclass(frozen=True, slots=True)
class Start:
    """Have it forked."""

    member: Member


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The restart budget is spent."""

    why: str


Effect = Start | GiveUp | Tell | Dump | Kill | Bury | ReplaceForker


LONE: Final = 4
"""Processes with one job each, at a time: two crashes of a full worker leave dozens of jobs that must be tried alone,
and most of them are innocent and should not wait for each other."""


@dataclass(slots=True)
class Fleet:
    """Times are monotonic seconds. Every method returns what is to be done now."""

    size: int
    drain_seconds: float
    new_id: Callable[[], str]
    start_seconds: float = START_SECONDS
    members: dict[str, Member] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)  # incarnations to be replaced, in order, and why
    lone_jobs: list[str] = field(default_factory=list)  # each gets a process of its own, LONE at a time
    stopping: str | None = None
    _budget: Budget = field(init=False)
    _closed: set[int] = field(default_factory=set)  # slots a person emptied
    _ticked_at: float | None = None
    _outage_at: float = float("-inf")  # when SQL last did not answer

    def __post_init__(self) -> None:
        self._budget = Budget(self.size)

    @property
    def ready(self) -> int:
        """Workers that take jobs from the queue."""
        return sum(member.phase is Phase.READY and not member.extra for member in self.members.values())

    @property
    def may_run_alone(self) -> bool:
        """A job that wants a process of its own may come."""
        return self.stopping is None and self._lone + len(self.lone_jobs) < LONE

    @property
    def _lone(self) -> int:
        return sum(member.extra for member in self.members.values())

    def happened(self, incarnation: str, event: Event, now: float) -> list[Effect]:
        """An event of one member; of one that is buried it is old news."""
        member = self.members.get(incarnation)
        if member is None:
            return []
        after, effects = advance(
            member, event, now, drain_seconds=self.drain_seconds, start_seconds=self.start_seconds
        )
        done: list[Effect] = list(effects)
        if after is not None:
            self.members[incarnation] = after
        else:
            del self.members[incarnation]
            self.wanted.pop(incarnation, None)
        if isinstance(event, Ready) and after is not None and member.ready_at is None:
            self._budget.ready()
            if after.phase is Phase.READY:  # else it was told to end before it could relieve anybody
                done += self._relieve(after, now)
        for effect in effects:
            if isinstance(effect, Bury):
                done += self._mourn(effect, now)
        return done

    def tick(self, now: float, *, can_fork: bool, sql_answers: bool = True) -> list[Effect]:
        """Time passed: what is overdue, and who is missing."""
        done: list[Effect] = []
        if not sql_answers:
            self._outage_at = now
        # While we ourselves did not run nobody could be heard, and perhaps nobody ran: that time is nobody's.
        late = now - self._ticked_at if self._ticked_at is not None else 0.0
        self._ticked_at = now
        for incarnation, member in list(self.members.items()):
            if late > 1.0:
                self.members[incarnation] = member = _without(member, late, now)
            if not sql_answers and member.phase is Phase.STARTING:  # it has its whole time once SQL is back
                self.members[incarnation] = member = replace(member, since=now)
            if member.phase is Phase.READY and member.ready_at is not None:
                self._budget.lived(now - member.ready_at)
            done += self.happened(incarnation, Tick(), now)
        return done + self.staff(now, can_fork=can_fork)

    def staff(self, now: float, *, can_fork: bool) -> list[Effect]:
        """Start who is missing; else replace the next one, with at most one process more than there are slots."""
        if self.stopping is not None or not can_fork:
            return []
        done: list[Effect] = []
        while self.lone_jobs and self._lone < LONE:
            done.append(self._start(0, now, alone_with=self.lone_jobs.pop(0)))
        regular = [member for member in self.members.values() if not member.extra]
        staffed = {member.slot for member in regular if member.phase in STAFFED}
        slots = set(range(1, self.size + 1)) - self._closed
        missing = sorted(slots - staffed)
        for slot in missing:
            if self._budget.may_start(slot, now):
                done.append(self._start(slot, now))
        if missing or len(regular) > len(slots):
            return done
        for incarnation in list(self.wanted):
            member = self.members.get(incarnation)
            if member is None or member.phase not in STAFFED:
                del self.wanted[incarnation]
            elif member.phase is Phase.READY and self._budget.may_start(member.slot, now):
                return [*done, self._start(member.slot, now, replaces=incarnation)]
        return done

    def run_alone(self, job_id: str) -> None:
        """Have a process started for this one job."""
        here = any(member.alone_with == job_id for member in self.members.values())
        if not here and job_id not in self.lone_jobs:  # a wake-up may come twice
            self.lone_jobs.append(job_id)

    def recycle(self, incarnation: str, why: str) -> None:
        """Replace it: the new one is ready before the old one drains. Not one that runs a job alone."""
        member = self.members.get(incarnation)
        if member is not None and not member.extra:
            self.wanted.setdefault(incarnation, why)

    def roll(self, why: str) -> None:
        """Replace all that are there now, one by one."""
        for incarnation in self.members:
            self.recycle(incarnation, why)

    def empty(self, incarnation: str, word: str, why: str, now: float) -> list[Effect]:
        """End it ("drain" or "hurry") and leave its slot empty until the next `scale`."""
        member = self.members.get(incarnation)
        if member is None:
            return []
        replaced = self.members.get(member.replaces or "")
        if replaced is not None and replaced.phase in STAFFED:
            self.wanted.pop(replaced.incarnation, None)  # who was to be replaced stays, in the same slot
        elif not member.extra:
            self._closed.add(member.slot)
        successors = [other for other in self.members.values() if other.replaces == incarnation]
        told = [member, *(other for other in successors if other.phase in STAFFED)]
        return [effect for one in told for effect in self._tell(one, word, why, now)]

    def scale(self, size: int, why: str, now: float) -> list[Effect]:
        """Keep `size` workers from now on."""
        self.size = self._budget.size = size
        self._closed.clear()
        surplus = [member for member in self.members.values() if member.slot > size]
        return [effect for member in surplus for effect in self._tell(member, "drain", why, now)]

    def stop(self, word: str, why: str, now: float) -> list[Effect]:
        """Start no more and end all: "drain" or "hurry"."""
        self.stopping = self.stopping or why
        self.wanted.clear()
        return [effect for member in list(self.members.values()) for effect in self._tell(member, word, why, now)]

    def _start(self, slot: int, now: float, *, replaces: str | None = None, alone_with: str | None = None) -> Start:
        member = Member(
            self.new_id(), slot, born_at=now, since=now, heard_at=now, replaces=replaces, alone_with=alone_with
        )
        self.members[member.incarnation] = member
        return Start(member)

    def _relieve(self, successor: Member, now: float) -> list[Effect]:
        """The replacement is ready: now the old one may go."""
        old = self.members.get(successor.replaces or "")
        if old is None:
            return []
        return self._tell(old, "drain", self.wanted.pop(old.incarnation, "replaced"), now)

    def _tell(self, member: Member, word: str, why: str, now: float) -> list[Effect]:
        self.members[member.incarnation], effects = tell(member, word, why, now)
        return list(effects)

    def _mourn(self, burial: Bury, now: float) -> list[Effect]:
        member = burial.member
        if member.told is not None or member.extra or self.stopping is not None:
            return []  # it was to end; and a job that kills its own process spends nobody's budget
        lived = None if member.ready_at is None else now - member.ready_at
        if member.useful and lived is not None:
            lived = max(lived, QUICK_SECONDS)  # what kills it is not that it cannot work
        outage = burial.outage or member.born_at <= self._outage_at  # whatever it died of
        self._budget.died(member.slot, lived, burial.why, now, counts=not outage)
        spent = self._budget.spent(now)
        return [] if spent is None else [GiveUp(spent)]


def _without(member: Member, seconds: float, now: float) -> Member:
    """As if those seconds had not passed for it."""
    return replace(
        member,
        born_at=min(member.born_at + seconds, now),
        since=min(member.since + seconds, now),
        heard_at=min(member.heard_at + seconds, now),
    )
