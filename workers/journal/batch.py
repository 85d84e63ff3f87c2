"""What has gathered at the writer: committed together, so that one bad operation spoils only itself; then told."""

import asyncio
from dataclasses import dataclass
from typing import Any

from workers.journal.database import Database
from workers.journal.operations import Operation
from workers.journal.records import ClaimedJob, LostClaim
from workers.journal.statements import Statements


@dataclass(slots=True)
class Waiting:
    """An operation, who waits for it, and how it went. `again`: it is to be done in a later batch."""

    operation: Operation[Any]
    future: "asyncio.Future[Any]"
    outcome: Any = None
    error: BaseException | None = None
    again: bool = False


def commit(database: Database, statements: Statements, batch: list[Waiting]) -> None:
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
            held: set[str] = set()
            for waiting in batch:
                about = _job_of(waiting.operation)
                if about in held:
                    waiting.again = True  # what is told of one job is done in the order it was told
                    continue
                commit(database, statements, [waiting])
                if waiting.again and about is not None:
                    held.add(about)
            return
        if locked:
            batch[0].again = True  # nobody else has to wait for that row
            return
        try:
            batch[0].outcome = batch[0].operation.refused(error) if database.is_conflict(error) else None
            batch[0].error = None if database.is_conflict(error) else error
        except Exception as refusal:
            batch[0].error = refusal


def _transaction(database: Database, statements: Statements, batch: list[Waiting]) -> None:
    database.begin()
    for waiting in batch:
        waiting.error, waiting.again = None, False
        try:
            waiting.outcome = waiting.operation.apply(database, statements)
        except LostClaim as lost:  # expected, wrote nothing
            waiting.error = lost
    database.commit()


def _job_of(operation: Operation[Any]) -> str | None:
    job: ClaimedJob | None = getattr(operation, "job", None)
    return job.id if job is not None else getattr(operation, "job_id", None)


def deliver(batch: list[Waiting]) -> None:
    """Hand all outcomes to their event loop in one call."""
    if batch:
        loop = batch[0].future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, batch)


def _settle(batch: list[Waiting]) -> None:
    for waiting in batch:
        if waiting.future.done():  # its coroutine was cancelled meanwhile
            continue
        if waiting.error is not None:
            waiting.future.set_exception(waiting.error)
        else:
            waiting.future.set_result(waiting.outcome)
