"""What is told of one job is done in the order it was told, also when somebody else holds its row for a while."""

import asyncio
from typing import Any

import psycopg

from tests.rows import Rows
from tests.workers.journal.records import step
from tests.workers.router.station import eventually
from watchkeeper.engine import build_engine
from watchkeeper.states import JobState
from workers.journal.claiming import Claim
from workers.journal.operations import GiveBack, RecordSteps
from workers.journal.writer import JournalWriter

_WAITS = "SELECT max(query_start) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def test_a_step_is_stored_before_its_job_is_given_back(postgres_url: str) -> None:
    engine = build_engine(postgres_url, application_name="test")
    rows = Rows(engine)
    writer = JournalWriter(postgres_url)
    writer.start()
    job = await writer.do(Claim(rows.enqueue()[0], "A"))
    assert job is not None
    with psycopg.connect(postgres_url) as holding, psycopg.connect(postgres_url, autocommit=True) as looking:

        def waits_since() -> Any:
            return looking.execute(_WAITS).fetchone()[0]  # type: ignore[index]

        holding.execute("UPDATE jobs SET priority = priority WHERE id = %s", [job.id])
        recorded = asyncio.ensure_future(writer.do(RecordSteps(job, (step(1),), ())))
        first = await eventually(waits_since)
        given = asyncio.ensure_future(writer.do(GiveBack(job, JobState.QUEUED, None, "released", "why")))
        await eventually(lambda: waits_since() not in (None, first))  # given up once, and tried again
        holding.rollback()
    await recorded
    await given
    assert [row["number"] for row in rows.steps(job.id)] == [1]
    assert rows.job(job.id)["state"] == "queued"
    assert await asyncio.to_thread(writer.close, 10)
    engine.dispose()
