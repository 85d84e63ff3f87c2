"""The connection breaks after PostgreSQL has committed and before it says so: everything is there once."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select

from shared.db.tables import attempts, job_events, key_events, steps, tool_starts
from shared.keystate import ledger
from shared.keystate.standing import KeyState, Standing
from tests.answers_lost import Line, losing_answers
from tests.rows import Rows
from tests.workers.journal.records import attempt, step
from tests.workers.journal.test_writer import gathered
from watchkeeper.engine import build_engine
from watchkeeper.states import JobState
from workers.journal.claiming import Claim
from workers.journal.database import Database
from workers.journal.notes import Heartbeat, TellKeyEvent
from workers.journal.operations import Finish, GiveBack, Operation, RecordSteps, StartTool
from workers.journal.records import ClaimedJob
from workers.journal.statements import Statements
from workers.journal.strays import LetGo
from workers.journal.writer import JournalWriter

STANDING = Standing(KeyState.QUARANTINED, 5, 1, 1, "auth_invalid", "renew it")
BEAT = Heartbeat("A", 1, 0, 0, 1, 1, 0, False)


@dataclass(frozen=True, slots=True)
class LosesItsCommit(Operation[None]):
    """The first time, the answer to the COMMIT of its batch gets lost."""

    line: Line

    def apply(self, database: Database, statements: Statements) -> None:
        if not self.line.lost:
            self.line.lose = 1


@pytest.fixture
def line(postgres_url: str) -> Iterator[Line]:
    """The way of the writer."""
    with losing_answers(postgres_url) as line:
        yield line


@pytest.fixture
def rows(postgres_url: str) -> Iterator[Rows]:
    """The database, on a way of its own."""
    engine = build_engine(postgres_url, application_name="test")
    yield Rows(engine)
    engine.dispose()


async def claimed(writer: JournalWriter, rows: Rows, count: int) -> list[ClaimedJob]:
    """Jobs in the hands of worker A."""
    jobs = [await writer.do(Claim(job_id, "A")) for job_id in rows.enqueue(count)]
    return [job for job in jobs if job is not None]


def all_of(held: list[ClaimedJob], asleep: str) -> list[Operation[Any]]:
    """One of each kind, each of a job of its own."""
    return [
        Claim(asleep, "A"),
        RecordSteps(held[0], (step(1), step(2)), (attempt(1), attempt(2))),
        StartTool(held[1], 1, "pay"),
        Finish(held[2], JobState.COMPLETED, 1, (step(1),), (attempt(1),), {"text": "done"}),
        Finish(held[3], JobState.FAILED, 0, (), (attempt(1),), error_cause="x", error_message="y"),
        GiveBack(held[4], JobState.WAITING, 5, "yielded", "why", (attempt(1),), yielded=True),
        GiveBack(held[5], JobState.QUEUED, None, "released", "why"),
        LetGo(held[6].id, held[6].token),
        BEAT,
        TellKeyEvent("key:1", ledger.SET_ASIDE, STANDING, "Key 1", "A"),
    ]


@pytest.mark.parametrize("together", [True, False])
async def test_everything_is_there_once(line: Line, rows: Rows, together: bool) -> None:
    rows.incarnation("A", heartbeat=0)
    writer = JournalWriter(line.url)
    writer.start()
    held, (asleep,) = await claimed(writer, rows, 7), rows.enqueue()
    operations = all_of(held, asleep)

    if together:
        outcomes = await gathered(writer, *operations, LosesItsCommit(line))
        assert line.lost == 1
    else:
        outcomes = []
        for done, operation in enumerate(operations, start=1):
            line.lose = 1
            outcomes.append(await asyncio.wait_for(writer.do(operation), 20))
            assert line.lost == done

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert outcomes[0].token == 2  # claimed twice, and the first time counts no more
    states = [rows.job(job.id)["state"] for job in held]
    assert states == ["running", "running", "completed", "failed", "waiting", "queued", "queued"]
    assert [rows.job(job.id)["yields"] for job in held] == [0, 0, 0, 0, 1, 0, 0]
    with rows.engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (steps, attempts, tool_starts, job_events, key_events)
        ]
    assert counts == [3, 5, 1, 3, 1]
    assert rows.alive()[0]["heartbeat"] == 2
    assert await asyncio.to_thread(writer.close, 10)
