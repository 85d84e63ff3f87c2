"""What the supervisor does about its workers: fork, tell, signal, bury. What to do is decided in `fleet.py`."""

import os
import signal
from contextlib import suppress

import structlog

from workers.supervisor.fleet import Start
from workers.supervisor.forking import Forking
from workers.supervisor.hearing import Hearing
from workers.supervisor.line import line_pair
from workers.supervisor.member import Bury, Dump, Kill, Tell, Unforked
from workers.supervisor.process_group import kill_group
from workers.supervisor.records import Records

log = structlog.get_logger()


class Hands:
    """Acts on what was decided, in its order."""

    def __init__(self, supervisor: str, hearing: Hearing, forking: Forking, records: Records) -> None:
        self._supervisor = supervisor
        self._hearing = hearing
        self._forking = forking
        self._records = records

    def start(self, start: Start) -> Unforked | None:
        """Have it forked, with a line to us; or what hinders that, as when no file can be opened."""
        member = start.member
        try:
            line, theirs = line_pair()
        except OSError as error:
            return Unforked(str(error))
        self._hearing.add(member.incarnation, line)
        with theirs:
            asked = self._forking.fork(
                theirs.fileno(),
                fork=member.incarnation,
                slot=member.slot,
                supervisor=self._supervisor,
                alone_with=member.alone_with,
            )
        if not asked:
            return Unforked("its forker does not read")
        log.info("worker.started", slot=member.slot, incarnation=member.incarnation, replaces=member.replaces)
        return None

    def tell(self, tell: Tell, *, asked: bool) -> None:
        """Say it on its line; and in SQL, that it takes no more jobs, and why if somebody `asked` for that."""
        log.info("worker.told", incarnation=tell.incarnation, to=tell.word, why=tell.why)
        self._records.draining(tell.incarnation, tell.why if asked else None)
        line = self._hearing.line(tell.incarnation)
        if line is not None:
            line.tell(say=tell.word)

    def dump(self, dump: Dump) -> None:
        """Have it write its stacks."""
        member = dump.member
        log.error(
            "worker.hung",
            slot=member.slot,
            pid=member.pid,
            incarnation=member.incarnation,
            why=member.ill,
            advice="its stacks follow if it can write them, then it is killed; its jobs go to others",
        )
        if member.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(member.pid, signal.SIGUSR2)

    def kill(self, kill: Kill) -> None:
        """SIGKILL, also to what its tools have started: its forker, which would see to that, may be dead."""
        member = kill.member
        log.error("worker.killed", slot=member.slot, pid=member.pid, incarnation=member.incarnation, why=member.ill)
        if member.pid is not None:
            kill_group(member.pid)

    def bury(self, burial: Bury) -> None:
        """Tell SQL that it is dead, and people why."""
        member = burial.member
        self._hearing.drop(member.incarnation)
        # Its row says so at once, for its jobs go back with that; no start waits for SQL.
        self._records.ended(member.incarnation, burial.why, crashed=burial.crashed)
        fields = {"slot": member.slot, "pid": member.pid, "incarnation": member.incarnation, "why": burial.why}
        if member.told is not None and not burial.crashed:
            log.info("worker.ended", **fields)
        elif member.alone_with is not None and not burial.crashed:
            log.info("worker.ended", alone_with=member.alone_with, **fields)
        else:
            advice = "its jobs go to others, another worker starts"
            if burial.code == -signal.SIGKILL and member.ill is None:
                advice += "; nobody here killed it: is the host out of memory?"
            log.error("worker.died", crashed=burial.crashed, advice=advice, **fields)
