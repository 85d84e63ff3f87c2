"""A job that crashed workers is claimed only by a process of its own, until it makes progress."""

from tests.rows import Rows
from tests.workers.journal.records import step
from workers.journal.claiming import Claim
from workers.journal.notes import CancelsAsked
from workers.journal.operations import RecordSteps
from workers.journal.writer import JournalWriter


async def test_after_two_crashes_only_a_process_of_its_own_gets_it(writer: JournalWriter, rows: Rows) -> None:
    (once,) = rows.enqueue(crashes=1)
    (twice,) = rows.enqueue(crashes=2)
    assert await writer.do(Claim(once, "A")) is not None
    assert await writer.do(Claim(twice, "A")) is None
    assert await writer.do(Claim(twice, "B", alone=True)) is not None


async def test_a_finished_step_clears_its_record(writer: JournalWriter, rows: Rows) -> None:
    (job_id,) = rows.enqueue(crashes=3, crashes_alone=1)
    job = await writer.do(Claim(job_id, "A", alone=True))
    assert job is not None
    await writer.do(RecordSteps(job, (step(1),), ()))
    row = rows.job(job_id)
    assert (row["crashes"], row["crashes_alone"]) == (0, 0)


async def test_only_our_running_jobs_that_were_told_to_stop_are_named(writer: JournalWriter, rows: Rows) -> None:
    mine, quiet, others = rows.enqueue(3)
    (ended,) = rows.enqueue(state="completed", claimed_by="A", cancel_requested=True)
    for job_id, name in ((mine, "A"), (quiet, "A"), (others, "B")):
        await writer.do(Claim(job_id, name))
    for job_id in (mine, others):
        rows.change_job(job_id, cancel_requested=True)
    assert await writer.do(CancelsAsked("A", (mine, quiet, others, ended, "nobody's"))) == {mine: 1}
    assert await writer.do(CancelsAsked("A", ())) == {}
