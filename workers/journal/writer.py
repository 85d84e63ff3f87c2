"""The one writer of this process: a thread that commits whatever has gathered in one transaction.

While a commit runs, new operations gather for the next one; that is all the batching there is, so an idle
process commits at once and a busy one commits many together.
"""

import asyncio
import queue
import threading
from typing import Final, TypeVar

import structlog

from shared.clock import Clock, SystemClock
from workers.journal.batch import Waiting, commit, deliver
from workers.journal.database import Database
from workers.journal.dialects import dialect_of, open_database
from workers.journal.operations import Operation
from workers.journal.statements import Statements

log = structlog.get_logger()

T = TypeVar("T")

_BATCH: Final = 256
_RECONNECT_SECONDS: Final = (0.1, 0.2, 0.5, 1.0)
_MOST_REASONS: Final = 5  # told of one outage

STALLED_SECONDS: Final = 1.0
"""SQL that has not answered for so long may be away: nothing new starts until it answers."""

BROKEN_OFF_SECONDS: Final = 30.0
"""And after so long its connection is given up for a new one. A server that lives ends a statement after 10."""

_LOOK_SECONDS: Final = 0.5


class JournalWriter:
    """Runs operations for coroutines. In an outage of SQL they wait, nothing is lost and nothing is skipped."""

    def __init__(self, database_url: str, clock: Clock | None = None, statements: Statements | None = None) -> None:
        """`statements`: prepared for this database before; they take longer than the rest of a worker's start."""
        self._url = database_url
        self._statements = statements or Statements(dialect_of(database_url))
        self._clock = clock or SystemClock()
        self._database: Database | None = None
        self._busy_since: float | None = None
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="journal-writer", daemon=True)
        self.outage = threading.Event()

    def start(self) -> None:
        """Start the thread; the connection opens with the first operation."""
        self._thread.start()

    def ailing(self) -> str | None:
        """That its thread died, in words; an outage of SQL is no illness."""
        return None if self._closed or self._thread.is_alive() else "its journal writer died"

    @property
    def stalled(self) -> bool:
        """True while SQL refuses, or has not answered for STALLED_SECONDS: what begins now could not be stored."""
        return self.outage.is_set() or self._busy_seconds() > STALLED_SECONDS

    async def watch(self) -> None:
        """Tell when SQL does not answer, and give up a connection that stays silent; until cancelled."""
        told = False
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            busy = self._busy_seconds()
            if busy > STALLED_SECONDS and not (told or self.outage.is_set()):
                told = True
                log.warning(
                    "journal.stalled",
                    seconds=round(busy, 1),
                    advice="the database does not answer; jobs hold what they have, no LLM call starts until it does",
                )
            if busy > BROKEN_OFF_SECONDS and self._database is not None:
                self._busy_since = self._clock.monotonic()
                log.error("journal.broken_off", seconds=round(busy, 1), advice="tried again on a new connection")
                _interrupt(self._database)
            if told and not self.stalled:
                told = False
                log.info("journal.goes_on")

    def _busy_seconds(self) -> float:
        since = self._busy_since
        return 0.0 if since is None else self._clock.monotonic() - since

    def close(self, timeout: float) -> bool:
        """Commit what has gathered, then end. False when SQL did not answer within `timeout` seconds."""
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout)
        self._closing.set()
        return not self._thread.is_alive()

    async def do(self, operation: Operation[T]) -> T:
        """The operation's result, once it is committed.

        Raises:
            LostClaim: the job is no longer ours.
            RuntimeError: the writer is closed.
        """
        if self._closed:
            raise RuntimeError("the journal writer is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(Waiting(operation, future))
        return await future

    def _work(self) -> None:
        ending = False
        later: list[Waiting] = []  # before what came since: the order of what is told of one job matters
        while later or not ending:
            batch, ending = self._gather(later, ending)
            failures, told = 0, set[str]()
            while batch and not self._closing.is_set():
                self._busy_since = self._clock.monotonic()
                try:
                    if self._database is None:
                        self._database = open_database(self._url)
                    commit(self._database, self._statements, batch)
                    if self.outage.is_set():
                        self.outage.clear()
                        log.info("journal.recovered", waiting=len(batch))
                    break
                except Exception as error:
                    _discard(self._database)
                    self._database = None
                    self.outage.set()
                    words = f"{type(error).__name__}: {error}"
                    # Another reason is told too, but not each step of a server that comes back.
                    late = failures >= len(_RECONNECT_SECONDS) and len(told) < _MOST_REASONS
                    if words not in told and (failures == 0 or late):
                        told.add(words)
                        log.error(
                            "journal.outage",
                            error=words,
                            waiting=len(batch),
                            advice="the database does not answer; jobs hold what they have and go on by themselves",
                        )
                    self._closing.wait(_RECONNECT_SECONDS[min(failures, len(_RECONNECT_SECONDS) - 1)])
                    failures += 1
            else:
                batch = []  # given up at the end, or empty: whoever waits is not told that it was stored
            self._busy_since = None
            deliver([waiting for waiting in batch if not waiting.again])
            later = [waiting for waiting in batch if waiting.again]
        if self._database is not None:
            self._database.close()

    def _gather(self, later: list[Waiting], ending: bool) -> tuple[list[Waiting], bool]:
        """`later` and what has gathered; without either, wait for something."""
        batch = later
        while len(batch) < _BATCH and not ending:
            try:
                item = self._queue.get(block=not batch)
            except queue.Empty:
                break
            if item is None:
                ending = True
            else:
                batch.append(item)
        return batch, ending


def _discard(database: Database | None) -> None:
    if database is not None:
        try:
            database.close()
        except Exception as error:
            log.debug("journal.close_failed", error=str(error))


def _interrupt(database: Database) -> None:
    try:
        database.interrupt()
    except Exception as error:  # closed by its own thread in this moment
        log.debug("journal.interrupt_failed", error=str(error))
