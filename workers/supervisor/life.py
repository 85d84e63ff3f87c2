"""What becomes of a worker process: (member, event, now) -> member, and what to do about it. Pure.

    STARTING ──ready──► READY ──drain──► DRAINING ──hurry──► HURRYING ──► LEAVING
        │                 │                 │                   │            │
        │ too long        │ silent          │ too long          │ too long   │ too long
        │              DUMPING              │                   │            │
        └──────► KILLED ◄─┴─────────────────┴───────────────────┴────────────┘

From anywhere: its line closes: GONE; its exit status is known: buried. Who is killed is buried in any case.
"""

import signal
from dataclasses import replace
from typing import Final

from workers.supervisor.member import (
    UNREACHABLE,
    Ailing,
    Beat,
    Bury,
    Closed,
    Dump,
    Event,
    Hello,
    Kill,
    Leaving,
    Member,
    MemberEffect,
    Phase,
    Ready,
    Reaped,
    ReplaceForker,
    Tell,
    Tick,
    Unforked,
)

SILENT_SECONDS: Final = 8.0
"""Without a beat for so long a worker is hung. Beats come every second from its event loop."""

DUMP_SECONDS: Final = 1.0
"""A hung worker has this long to write its stacks."""

HELLO_SECONDS: Final = 10.0
"""A forked worker says hello at once; without that the forker is the one that hangs."""

START_SECONDS: Final = 60.0
"""From fork to ready, while SQL answers; it may be slow."""

END_SECONDS: Final = 10.0
"""For handing back and closing, after the time to drain."""

LEAVE_SECONDS: Final = 15.0
"""From its event loop's stop to its exit: SQL may be away, and it tries for a while."""

KILLED_SECONDS: Final = 5.0
"""After SIGKILL it does nothing any more, even if nobody tells of its end: its forker may be dead, and a process that
a tool of it forked may hold its line open."""

STATUS_SECONDS: Final = 1.0
"""How long the burial waits for the exit status once the line is closed. A forker that lives tells it within
milliseconds, on a loaded host a little later; without it an orderly end could not be told from a crash."""

_BEATING: Final = (Phase.READY, Phase.DRAINING, Phase.HURRYING)


def advance(
    member: Member, event: Event, now: float, *, drain_seconds: float, start_seconds: float
) -> tuple[Member | None, list[MemberEffect]]:
    """What becomes of `member` (None: it is no more), and what to do about it."""
    match event:
        case Hello(pid):
            return replace(member, pid=pid, heard_at=now), []
        case Beat(useful):
            return replace(member, heard_at=now, useful=member.useful or useful), []
        case Ready():
            phase = Phase.READY if member.phase is Phase.STARTING else member.phase
            return replace(member, phase=phase, ready_at=now, heard_at=now, since=_since(member, phase, now)), []
        case Ailing(what):
            return _dump(member, what, now) if member.phase in _BEATING else (member, [])
        case Leaving():
            return _moved(replace(member, heard_at=now, left=True), Phase.LEAVING, now), []
        case Unforked(why):
            return None, [Bury(member, f"it could not be forked: {why}", crashed=False)]
        case Reaped(code):
            return None, [_bury(member, code)]
        case Closed():
            return _moved(member, Phase.GONE, now), []
        case Tick():
            return _tick(member, now, drain_seconds, start_seconds)


def tell(member: Member, word: str, why: str, now: float) -> tuple[Member, list[MemberEffect]]:
    """Tell it to "drain" or to "hurry"; nothing to who has been told, or is ending anyhow."""
    if member.phase in (Phase.STARTING, Phase.READY) or (member.phase is Phase.DRAINING and word == "hurry"):
        phase = Phase.DRAINING if word == "drain" else Phase.HURRYING
        told = replace(_moved(member, phase, now), told=member.told or why)
        # One that has not been ready yet begins to beat now at the latest.
        return replace(told, heard_at=now), [Tell(member.incarnation, word, why)]
    return member, []


def describe(code: int | None) -> str:
    """An exit status in words."""
    if code is None:
        return "unknown: its forker could not tell"
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return f"killed by signal {-code} ({name})"


def _tick(
    member: Member, now: float, drain_seconds: float, start_seconds: float
) -> tuple[Member | None, list[MemberEffect]]:
    spent = now - member.since
    if member.phase is Phase.GONE:
        return (None, [_bury(member, None)]) if spent > STATUS_SECONDS else (member, [])
    if member.phase is Phase.KILLED and spent > KILLED_SECONDS:
        return None, [_bury(member, None)]
    if member.phase is Phase.DUMPING:
        return _kill(member, member.ill or "hung", now) if spent > DUMP_SECONDS else (member, [])
    if member.phase in _BEATING and member.ready_at is not None and now - member.heard_at > SILENT_SECONDS:
        return _dump(member, f"its event loop stood still for {SILENT_SECONDS:g} s, or it was stopped", now)
    if member.pid is None and now - member.born_at > HELLO_SECONDS and member.phase is not Phase.KILLED:
        why = f"it was not forked within {HELLO_SECONDS:g} s"
        return None, [ReplaceForker(why), Bury(member, why, crashed=False)]
    patience = {
        Phase.STARTING: start_seconds,
        Phase.DRAINING: drain_seconds + END_SECONDS,
        Phase.HURRYING: END_SECONDS,
        Phase.LEAVING: LEAVE_SECONDS,
    }.get(member.phase)
    if patience is None or spent <= patience:
        return member, []
    return _kill(member, f"still {member.phase} after {patience:g} s", now)


def _dump(member: Member, what: str, now: float) -> tuple[Member, list[MemberEffect]]:
    hung = replace(_moved(member, Phase.DUMPING, now), ill=f"hung: {what}", hung=True)
    return hung, [Dump(hung)]


def _kill(member: Member, why: str, now: float) -> tuple[Member, list[MemberEffect]]:
    killed = replace(_moved(member, Phase.KILLED, now), ill=member.ill or why)
    return killed, [Kill(killed)]


def _bury(member: Member, code: int | None) -> Bury:
    if code is None and member.left:
        code = 0  # it said goodbye, and there was nobody to tell how that ended
    if member.ill is not None:
        return Bury(member, member.ill, crashed=member.hung, code=code)
    if member.ready_at is not None and not member.left:  # whatever the code says: it had no time to hand back
        by_itself = code is not None and code >= 0
        why = describe(code) + (" in the midst of its work: did a tool end the process?" if by_itself else "")
        return Bury(member, why, crashed=True, code=code)
    if member.extra and code == 0:
        return Bury(member, "its one job is done", crashed=False, code=code)
    if member.told is not None and code is not None and code >= 0:
        return Bury(member, member.told, crashed=False, code=code)
    why = describe(code) + (": SQL or Redis did not answer" if code == UNREACHABLE else "")
    return Bury(member, why, crashed=code not in (0, UNREACHABLE), code=code)


def _moved(member: Member, phase: Phase, now: float) -> Member:
    return replace(member, phase=phase, since=_since(member, phase, now))


def _since(member: Member, phase: Phase, now: float) -> float:
    return member.since if member.phase is phase else now
