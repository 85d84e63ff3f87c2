"""The one writer of this process: a thread that commits whatever has gathered in one transaction.

While a commit runs, new operations gather for the next one; that is all the batching there is, so an idle
process commits at once and a busy one commits many together.
"""

import asyncio
import queue
import threading
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from shared.clock import Clock, SystemClock
from workers.journal.dialects import Database, dialect_of, open_database
from workers.journal.operations import Operation
from workers.journal.records import LostClaim
from workers.journal.statements import Statements

log = structlog.get_logger()

T = TypeVar("T")

_BATCH: Final = 256
_RECONNECT_SECONDS: Final = (0.1, 0.2, 0.5, 1.0)

STALLED_SECONDS: Final = 1.0
"""SQL that has not answered for so long may be away: nothing new starts until it answers."""

BROKEN_OFF_SECONDS: Final = 30.0
"""And after so long its connection is given up for a new one. A server that lives ends a statement after 10."""

_LOOK_SECONDS: Final = 0.5


@dataclass(slots=True)
class _Waiting:
    operation: Operation[Any]
    future: "asyncio.Future[Any]"
    outcome: Any = None
    error: BaseException | None = None
    again: bool = False


class JournalWriter:
    """Runs operations for coroutines. In an outage of SQL they wait, nothing is lost and nothing is skipped."""

    def __init__(self, database_url: str, clock: Clock | None = None, statements: Statements | None = None) -> None:
        """`statements`: prepared for this database before; they take longer than the rest of a worker's start."""
        self._url = database_url
        self._statements = statements or Statements(dialect_of(database_url))
        self._clock = clock or SystemClock()
        self._database: Database | None = None
        self._busy_since: float | None = None
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
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
        self._queue.put(_Waiting(operation, future))
        return await future

    def _work(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._gather()
            failures = 0
            while batch and not self._closing.is_set():
                self._busy_since = self._clock.monotonic()
                try:
                    if self._database is None:
                        self._database = open_database(self._url)
                    _commit(self._database, self._statements, batch)
                    if self.outage.is_set():
                        self.outage.clear()
                        log.info("journal.recovered", waiting=len(batch))
                    break
                except Exception as error:
                    _discard(self._database)
                    self._database = None
                    self.outage.set()
                    if failures == 0:
                        log.error(
                            "journal.outage",
                            error=f"{type(error).__name__}: {error}",
                            waiting=len(batch),
                            advice="the database does not answer; jobs hold what they have and go on by themselves",
                        )
                    self._closing.wait(_RECONNECT_SECONDS[min(failures, len(_RECONNECT_SECONDS) - 1)])
                    failures += 1
            else:
                batch = []  # given up at the end, or empty: whoever waits is not told that it was stored
            self._busy_since = None
            _deliver([waiting for waiting in batch if not waiting.again])
            for waiting in batch:
                if waiting.again:
                    waiting.again = False
                    self._queue.put(waiting)
        if self._database is not None:
            self._database.close()

    def _gather(self) -> tuple[list[_Waiting], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        batch = [first]
        while len(batch) < _BATCH:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False


def _commit(database: Database, statements: Statements, batch: list[_Waiting]) -> None:
    """All in one transaction; when one breaks it, each in its own, so that it spoils only itself.

    Raises:
        Exception: the database is away (`database.is_outage`); the whole batch may be tried again.
    """
    try:
        _transaction(database, statements, batch)
    except Exception as error:
        locked = database.is_locked(error)
        if database.is_outage(error) and not (locked or (len(batch) > 1 and database.is_deadlock(error))):
            raise
        database.rollback()
        if len(batch) > 1:
            for waiting in batch:
                _commit(database, statements, [waiting])
            return
        if locked:
            batch[0].again = True  # nobody else has to wait for that row
            return
        try:
            batch[0].outcome = batch[0].operation.refused(error) if database.is_conflict(error) else None
            batch[0].error = None if database.is_conflict(error) else error
        except Exception as refusal:
            batch[0].error = refusal


def _transaction(database: Database, statements: Statements, batch: list[_Waiting]) -> None:
    database.begin()
    for waiting in batch:
        waiting.error = None
        try:
            waiting.outcome = waiting.operation.apply(database, statements)
        except LostClaim as lost:  # expected, wrote nothing
            waiting.error = lost
    database.commit()


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


def _deliver(batch: list[_Waiting]) -> None:
    """Hand all outcomes to their event loop in one call."""
    if batch:
        loop = batch[0].future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, batch)


def _settle(batch: list[_Waiting]) -> None:
    for waiting in batch:
        if waiting.future.done():  # its coroutine was cancelled meanwhile
            continue
        if waiting.error is not None:
            waiting.future.set_exception(waiting.error)
        else:
            waiting.future.set_result(waiting.outcome)
