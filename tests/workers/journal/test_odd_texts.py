"""What providers and tools say is stored, whatever characters it holds: PostgreSQL takes no NUL, none takes half a
surrogate pair."""

from dataclasses import replace

import pytest

from tests.rows import Rows
from tests.workers.journal.records import attempt, step
from watchkeeper.states import JobState
from workers.journal.claiming import Claim
from workers.journal.operations import Finish, GiveBack, RecordSteps
from workers.journal.records import ClaimedJob
from workers.journal.writer import JournalWriter

ODD = "a\0b \ud83d c"
STORED = "a\N{REPLACEMENT CHARACTER}b \N{REPLACEMENT CHARACTER} c"


@pytest.fixture
async def job(writer: JournalWriter, rows: Rows) -> ClaimedJob:
    """A job in the hands of worker A."""
    job = await writer.do(Claim(rows.enqueue()[0], "A"))
    assert job is not None
    return job


async def test_an_attempt_keeps_the_providers_words(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    await writer.do(RecordSteps(job, (step(1),), (replace(attempt(1, "unknown"), detail=ODD),)))
    assert [row["detail"] for row in rows.attempts(job.id)] == [STORED]


async def test_a_failure_keeps_its_message(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    await writer.do(Finish(job, JobState.FAILED, 0, error_cause="bad_request", error_message=ODD))
    assert rows.job(job.id)["error_message"] == STORED


async def test_a_job_that_gives_way_keeps_its_reason_and_keeps_it_once(
    writer: JournalWriter, rows: Rows, job: ClaimedJob
) -> None:
    for _ in range(2):
        await writer.do(GiveBack(job, JobState.WAITING, 5, "yielded", ODD))
        assert rows.job(job.id)["state"] == "waiting"
        rows.change_job(job.id, state=JobState.RUNNING, claimed_by="A")
    assert rows.events(job.id) == ["yielded"]


async def test_a_reply_comes_back_as_it_was_said(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    said = step(1, "x" * 2_000_000 + ODD)
    await writer.do(RecordSteps(job, (said,), ()))
    rows.change_job(job.id, state=JobState.QUEUED, claimed_by=None)
    again = await writer.do(Claim(job.id, "B"))
    assert again is not None
    assert again.steps == (said,)
