"""The writer commits what gathered together; an outage loses nothing, a bad operation spoils only itself."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.rows import Rows
from tests.waiting import wait_until
from tests.workers.journal.records import step
from watchkeeper.engine import build_engine
from watchkeeper.states import JobState
from workers.journal.claiming import Claim
from workers.journal.database import Database
from workers.journal.operations import Finish, Operation, RecordSteps
from workers.journal.statements import Statements
from workers.journal.writer import JournalWriter


@dataclass(frozen=True, slots=True)
class Pause(Operation[None]):
    """Holds the writer inside a transaction until told to go on."""

    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def apply(self, database: Database, statements: Statements) -> None:
        self.reached.set()
        self.go_on.wait(30)


@dataclass(frozen=True, slots=True)
class Broken(Operation[None]):
    """Fails by itself, whatever the database says."""

    def apply(self, database: Database, statements: Statements) -> None:
        raise ValueError("mine alone")


@contextmanager
def _rows(url: str) -> Iterator[Rows]:
    engine = build_engine(url, application_name="test")
    yield Rows(engine)
    engine.dispose()


async def gathered(writer: JournalWriter, *operations: Operation[Any]) -> list[Any]:
    """The outcomes of operations that all went into one batch."""
    pause = Pause()
    first = asyncio.ensure_future(writer.do(pause))
    await asyncio.to_thread(pause.reached.wait, 10)
    rest = [asyncio.ensure_future(writer.do(operation)) for operation in operations]
    await asyncio.sleep(0)  # all of them are in the queue now
    pause.go_on.set()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_one_bad_operation_does_not_spoil_its_batch(writer: JournalWriter, rows: Rows) -> None:
    first, second = rows.enqueue(2)

    before, bad, after = await gathered(writer, Claim(first, "A"), Broken(), Claim(second, "A"))

    assert before is not None
    assert after is not None
    assert isinstance(bad, ValueError)
    assert {row["state"] for row in rows.all_jobs()} == {"running"}
    assert {row["claim_token"] for row in rows.all_jobs()} == {1}


async def test_a_row_the_database_refuses_does_not_spoil_its_batch(writer: JournalWriter, rows: Rows) -> None:
    first, second = rows.enqueue(2)
    job = await writer.do(Claim(first, "A"))
    assert job is not None
    twice = RecordSteps(job, (step(1), step(1)), ())  # breaks the journal's primary key

    refused, claimed = await gathered(writer, twice, Claim(second, "A"))

    assert isinstance(refused, sqlite3.IntegrityError | psycopg.errors.UniqueViolation)
    assert claimed is not None
    assert rows.steps(first) == []
    assert rows.job(first)["steps"] == 0


async def test_two_turns_of_one_conversation_claimed_in_one_batch_give_one(writer: JournalWriter, rows: Rows) -> None:
    first, second = rows.enqueue(2, conversation_id="talk")
    outcomes = await gathered(writer, Claim(second, "A"), Claim(first, "B"), Claim(second, "C"))
    assert [outcome is not None for outcome in outcomes] == [False, True, False]


async def test_what_was_accepted_is_committed_before_the_writer_ends(database_url: str, rows: Rows) -> None:
    writer = JournalWriter(database_url)
    writer.start()
    job_ids = rows.enqueue(50)
    claims = [asyncio.ensure_future(writer.do(Claim(job_id, "A"))) for job_id in job_ids]
    await asyncio.sleep(0)

    assert await asyncio.to_thread(writer.close, 10)

    assert all(await asyncio.gather(*claims))
    assert {row["state"] for row in rows.all_jobs()} == {"running"}


async def test_operations_wait_while_another_process_holds_sqlite_and_then_succeed(sqlite_url: str) -> None:
    writer = JournalWriter(sqlite_url)
    writer.start()
    with _rows(sqlite_url) as rows:
        first, second = rows.enqueue(2)
        other = sqlite3.connect(make_url(sqlite_url).database or "", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        claim = asyncio.ensure_future(writer.do(Claim(first, "A")))
        await asyncio.to_thread(wait_until, writer.outage.is_set)
        later = asyncio.ensure_future(writer.do(Claim(second, "A")))
        assert not claim.done()
        other.execute("ROLLBACK")
        other.close()

        assert await claim is not None
        assert await later is not None
        assert {row["claim_token"] for row in rows.all_jobs()} == {1}
    assert writer.close(timeout=10)
    assert not writer.outage.is_set()


async def test_a_connection_killed_in_the_middle_of_a_batch_loses_nothing(postgres_url: str) -> None:
    writer = JournalWriter(postgres_url)
    writer.start()
    with _rows(postgres_url) as rows:
        first, second = rows.enqueue(2)
        job = await writer.do(Claim(first, "A"))
        assert job is not None
        pause = Pause()
        finish = Finish(job, JobState.COMPLETED, 1, (step(1),), (), {"text": "hi"})
        operations: list[Operation[Any]] = [Claim(second, "A"), pause, finish]
        waiting = [asyncio.ensure_future(writer.do(operation)) for operation in operations]
        await asyncio.to_thread(pause.reached.wait, 10)

        with psycopg.connect(postgres_url, autocommit=True) as admin:
            killed = admin.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'watchkeeper-worker'"
            ).fetchone()
        pause.go_on.set()

        assert killed == (1,)
        await asyncio.gather(*waiting)
        assert rows.job(second)["state"] == "running"
        assert (rows.job(first)["state"], len(rows.steps(first))) == ("completed", 1)
    assert writer.close(timeout=10)


async def test_a_cancelled_coroutine_leaves_the_others_their_answers(writer: JournalWriter, rows: Rows) -> None:
    first, second = rows.enqueue(2)
    pause = Pause()
    held = asyncio.ensure_future(writer.do(pause))
    await asyncio.to_thread(pause.reached.wait, 10)
    given_up = asyncio.ensure_future(writer.do(Claim(first, "A")))
    kept = asyncio.ensure_future(writer.do(Claim(second, "A")))
    await asyncio.sleep(0)
    given_up.cancel()
    pause.go_on.set()

    await held
    assert await kept is not None
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_a_row_that_somebody_holds_holds_up_nobody_else(postgres_url: str) -> None:
    """As a worker does that was stopped in the middle of a transaction."""
    writer = JournalWriter(postgres_url)
    writer.start()
    with _rows(postgres_url) as rows, psycopg.connect(postgres_url) as stopped:
        first, second = rows.enqueue(2)
        stopped.execute("UPDATE jobs SET priority = priority WHERE id = %s", [first])

        held, free = (asyncio.ensure_future(writer.do(Claim(job_id, "A"))) for job_id in (first, second))
        assert await free is not None
        assert not held.done()
        assert not writer.outage.is_set()
        stopped.rollback()

        assert await held is not None
    assert await asyncio.to_thread(writer.close, 10)
