"""Tools in the journal: results in any order, and the note that one which must not act twice has begun."""

import pytest

from tests.rows import Rows
from tests.workers.journal.records import step
from workers.journal.claiming import Claim
from workers.journal.operations import RecordSteps, StartTool
from workers.journal.records import ClaimedJob, LostClaim
from workers.journal.writer import JournalWriter


@pytest.fixture
async def job(writer: JournalWriter, rows: Rows) -> ClaimedJob:
    """A job in the hands of worker A."""
    job = await writer.do(Claim(rows.enqueue(metadata='{"a": 1}')[0], "A"))
    assert job is not None
    return job


async def again(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> ClaimedJob:
    """The job in the hands of worker B, after a rescue."""
    rows.change_job(job.id, state="queued", claimed_by=None)
    claimed = await writer.do(Claim(job.id, "B"))
    assert claimed is not None
    return claimed


async def test_steps_of_a_turn_are_recorded_in_any_order_and_each_once(
    writer: JournalWriter, rows: Rows, job: ClaimedJob
) -> None:
    await writer.do(RecordSteps(job, (step(1),), ()))
    late, early = RecordSteps(job, (step(3, kind="tool"),), ()), RecordSteps(job, (step(2, kind="tool"),), ())
    for record in (late, late, early, late, early):
        await writer.do(record)
    assert [row["number"] for row in rows.steps(job.id)] == [1, 2, 3]
    assert rows.job(job.id)["steps"] == 3

    claimed = await again(writer, rows, job)
    assert [found.number for found in claimed.steps] == [1, 2, 3]
    with pytest.raises(LostClaim):
        await writer.do(early)


async def test_a_tool_that_began_is_known_to_the_next_claim(
    writer: JournalWriter, rows: Rows, job: ClaimedJob
) -> None:
    await writer.do(RecordSteps(job, (step(1),), ()))
    start = StartTool(job, 2, "pay")
    await writer.do(start)
    await writer.do(start)  # its answer got lost in an outage
    assert (job.started, job.metadata) == (frozenset(), '{"a": 1}')
    assert (await again(writer, rows, job)).started == {2}


async def test_who_lost_the_job_notes_no_start(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    await writer.do(RecordSteps(job, (step(1),), ()))
    begun = StartTool(job, 2, "pay")
    await writer.do(begun)
    claimed = await again(writer, rows, job)
    for start in (begun, StartTool(job, 3, "pay")):
        with pytest.raises(LostClaim):
            await writer.do(start)
    with pytest.raises(LostClaim):
        await writer.do(StartTool(claimed, 2, "pay"))  # begun by another claim: it must never run again
    await writer.do(StartTool(claimed, 3, "pay"))
    assert (await again(writer, rows, job)).started == {2, 3}


async def test_a_start_repeated_after_the_rescue_is_none(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    await writer.do(RecordSteps(job, (step(1),), ()))
    start = StartTool(job, 2, "pay")
    await writer.do(start)
    rows.change_job(job.id, state="queued", claimed_by=None)  # nobody has claimed it yet: its token is still ours
    with pytest.raises(LostClaim):
        await writer.do(start)
