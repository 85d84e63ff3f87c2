"""What the supervisor writes to SQL, from a thread of its own: an outage of SQL never stops the watch."""

import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, insert, update
from sqlalchemy.exc import SQLAlchemyError

from shared.clock import Clock, SystemClock
from shared.db.tables import incarnations, supervisors
from shared.supervision.untold import Untold
from watchkeeper.clock import db_now

log = structlog.get_logger()

HEARTBEAT_SECONDS: Final = 2.0
SILENT_SECONDS: Final = 1.0
"""SQL that has not answered for so long may be away."""

_RETRY_SECONDS: Final = 0.5
_LOST_MS: Final = 60_000  # a supervisor of this host that was silent for so long was not able to say goodbye

Writing = Callable[[Connection], Any]


@dataclass(frozen=True, slots=True)
class _Pending:
    writing: Writing
    end: Untold | None = None  # that of a worker


class Records:
    """Writes in order; what could not be written is kept and written once SQL is back."""

    def __init__(
        self,
        engine: Engine,
        supervisor: str,
        *,
        died: Callable[[], None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        """`died` is called, from the thread, once SQL knows of a worker's end."""
        self._engine = engine
        self._supervisor = supervisor
        self._died = died
        self._clock = clock or SystemClock()
        self._busy_since: float | None = None
        self._pending: deque[_Pending] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._away = False
        self._thread = threading.Thread(target=self._work, name="records", daemon=True)

    def open(self, processes: int, threads: int) -> None:
        """Enter this supervisor, and begin its heartbeat.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: SQL does not answer.
        """
        host = socket.gethostname()
        with self._engine.begin() as connection:
            connection.execute(
                update(supervisors)
                .where(
                    supervisors.c.host == host,
                    supervisors.c.ended_at.is_(None),
                    supervisors.c.heartbeat_at < db_now() - _LOST_MS,
                )
                .values(ended_at=db_now(), ended_why="it fell silent")
            )
            connection.execute(
                insert(supervisors).values(
                    id=self._supervisor,
                    host=host,
                    pid=os.getpid(),
                    started_at=db_now(),
                    heartbeat_at=db_now(),
                    processes=processes,
                    threads=threads,
                )
            )
        self._thread.start()

    @property
    def silent(self) -> bool:
        """True while SQL refuses, or does not answer; known within HEARTBEAT_SECONDS and SILENT_SECONDS."""
        since = self._busy_since
        return self._away or (since is not None and self._clock.monotonic() - since > SILENT_SECONDS)

    def scaled(self, processes: int) -> None:
        """It keeps so many workers from now on."""
        self._write(lambda connection: connection.execute(self._own().values(processes=processes)))

    def draining(self, incarnation: str, why: str | None) -> None:
        """It takes no more jobs; `why` if it was asked for, and not the end of all."""
        statement = (
            update(incarnations)
            .where(incarnations.c.id == incarnation, incarnations.c.ended_at.is_(None))
            .values(state="draining", **({} if why is None else {"recycle_why": _storable(why)}))
        )
        self._write(lambda connection: connection.execute(statement))

    def ended(self, incarnation: str, why: str, *, crashed: bool) -> None:
        """It is dead: from this commit on its jobs may be given to others."""
        end = Untold(incarnation, _storable(why), crashed)
        statement = (
            update(incarnations)
            .where(incarnations.c.id == incarnation, incarnations.c.ended_at.is_(None))
            .values(ended_at=db_now(), ended_why=end.why, crashed=crashed, running=0)
        )
        self._write(lambda connection: connection.execute(statement), end)

    def close(self, why: str, timeout: float) -> list[Untold]:
        """Sign off, and give SQL `timeout` seconds for what is pending; the ends of workers it was not told of."""
        statement = self._own().values(ended_at=db_now(), ended_why=_storable(why))
        self._write(lambda connection: connection.execute(statement))
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        left = list(self._pending)
        if self._thread.is_alive() or left:
            log.error(
                "supervisor.untold",
                pending=len(left),
                advice="SQL is away: the scheduler tells it of ended workers once it is back",
            )
        return [pending.end for pending in left if pending.end is not None]

    @property
    def _alive(self) -> Any:
        # One that was stopped for a minute, or could not write, was taken for dead by the next one on this host.
        mine = update(supervisors).where(supervisors.c.id == self._supervisor)
        return mine.values(heartbeat_at=db_now(), ended_at=None, ended_why=None)

    def _own(self) -> Any:
        return update(supervisors).where(supervisors.c.id == self._supervisor, supervisors.c.ended_at.is_(None))

    def _write(self, writing: Writing, end: Untold | None = None) -> None:
        with self._changed:
            self._pending.append(_Pending(writing, end))
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._pending and not self._closing:
                    self._changed.wait(HEARTBEAT_SECONDS)
                batch, closing = list(self._pending), self._closing
            self._busy_since = self._clock.monotonic()
            written = self._commit(batch)
            self._busy_since = None
            if written:
                for _ in batch:
                    self._pending.popleft()
                if any(pending.end is not None for pending in batch):
                    self._died()
            if closing:
                return
            if not written:
                threading.Event().wait(_RETRY_SECONDS)

    def _commit(self, batch: list[_Pending]) -> bool:
        try:
            with self._engine.begin() as connection:
                connection.execute(self._alive)
                for pending in batch:
                    pending.writing(connection)
        except SQLAlchemyError as error:
            if not self._away:
                log.error(
                    "supervisor.sql_away",
                    error=type(error).__name__,
                    advice="workers are watched and replaced all the same; the jobs of the dead go back once SQL is",
                )
            self._away = True
            return False
        if self._away:
            log.info("supervisor.sql_back", written=len(batch))
            self._away = False
        return True


def _storable(why: str) -> str:
    """What SQL takes: one text it refused would hold up all that stands behind it."""
    return why.replace("\0", "").encode(errors="replace").decode()[:200]
