"""Whoever lost a job writes nothing of it, and whoever holds it may say everything twice."""

from dataclasses import replace
from typing import Any

import pytest

from tests.rows import Rows
from tests.workers.journal.records import attempt, step
from watchkeeper.states import JobState
from workers.journal.claiming import Claim
from workers.journal.notes import Heartbeat
from workers.journal.operations import Finish, GiveBack, Operation, RecordSteps
from workers.journal.records import ClaimedJob, LostClaim
from workers.journal.writer import JournalWriter


@pytest.fixture
async def job(writer: JournalWriter, rows: Rows) -> ClaimedJob:
    """A job in the hands of worker A."""
    job = await writer.do(Claim(rows.enqueue()[0], "A"))
    assert job is not None
    return job


def written(rows: Rows, job_id: str) -> tuple[dict[str, Any], list[Any], list[Any], list[str]]:
    """All that is stored of a job."""
    return rows.job(job_id), rows.steps(job_id), rows.attempts(job_id), rows.events(job_id)


def writes(job: ClaimedJob) -> list[Operation[Any]]:
    """Everything a worker may write of a job."""
    return [
        RecordSteps(job, (step(1),), (attempt(1),)),
        Finish(job, JobState.COMPLETED, 1, (step(1),), (attempt(1),), {"text": "late"}),
        Finish(job, JobState.FAILED, 0, error_cause="late", error_message="late"),
        GiveBack(job, JobState.QUEUED, None, "released", "late", (attempt(1),)),
        GiveBack(job, JobState.WAITING, 5, "yielded", "late", (attempt(1),), yielded=True),
    ]


async def test_after_a_rescue_the_old_token_writes_nothing(
    writer: JournalWriter, rows: Rows, job: ClaimedJob
) -> None:
    rows.change_job(job.id, state=JobState.QUEUED, claimed_by=None)
    assert await writer.do(Claim(job.id, "B")) is not None
    before = written(rows, job.id)

    for write in writes(job):
        with pytest.raises(LostClaim):
            await writer.do(write)

    assert written(rows, job.id) == before


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.CANCELLED, JobState.DEAD])
async def test_between_rescue_and_next_claim_nothing_is_written_either(
    writer: JournalWriter, rows: Rows, job: ClaimedJob, state: JobState
) -> None:
    rows.change_job(job.id, state=state, claimed_by=None)
    before = written(rows, job.id)

    for write in writes(job):
        # Giving back a job that is queued already changes nothing and needs no complaint.
        if isinstance(write, GiveBack) and state in (write.state, JobState.CANCELLED):
            await writer.do(write)
            continue
        with pytest.raises(LostClaim):
            await writer.do(write)

    assert written(rows, job.id) == before


async def test_a_finish_may_be_repeated(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    finish = Finish(job, JobState.COMPLETED, 1, (step(1),), (attempt(1),), {"text": "hi"})
    await writer.do(finish)
    before = written(rows, job.id)
    await writer.do(finish)

    assert written(rows, job.id) == before
    assert (before[0]["state"], before[0]["steps"], before[0]["claimed_by"]) == ("completed", 1, None)
    assert (len(before[1]), len(before[2])) == (1, 1)
    with pytest.raises(LostClaim):
        await writer.do(Finish(job, JobState.FAILED, 1, error_cause="x", error_message="x"))


async def test_a_repeated_finish_wakes_the_next_turn_again(writer: JournalWriter, rows: Rows) -> None:
    first, second = rows.enqueue(2, conversation_id="talk")
    job = await writer.do(Claim(first, "A"))
    assert job is not None
    finish = Finish(job, JobState.COMPLETED, 0, result={"text": ""})

    woken = [await writer.do(finish), await writer.do(finish)]

    assert [wake.job_id for wake in woken if wake] == [second, second]


async def test_steps_may_be_recorded_twice(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    record = RecordSteps(job, (step(1), step(2)), (attempt(1), attempt(2)))
    assert [await writer.do(record), await writer.do(record)] == [False, False]

    assert [row["number"] for row in rows.steps(job.id)] == [1, 2]
    assert len(rows.attempts(job.id)) == 2
    assert rows.job(job.id)["steps"] == 2


async def test_recording_tells_of_a_wish_to_cancel(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    rows.change_job(job.id, cancel_requested=True)
    record = RecordSteps(job, (step(1),), ())
    assert [await writer.do(record), await writer.do(record)] == [True, True]


async def test_a_give_back_may_be_repeated(writer: JournalWriter, rows: Rows, job: ClaimedJob) -> None:
    back = GiveBack(job, JobState.WAITING, 77, "yielded", "why", (attempt(1, "overloaded"),), yielded=True)
    await writer.do(back)
    await writer.do(back)

    row, _, attempts, events = written(rows, job.id)
    assert (row["state"], row["run_after"], row["yields"], row["claimed_by"]) == ("waiting", 77, 1, None)
    assert (len(attempts), events) == (1, ["yielded"])


async def test_a_job_asked_to_stop_is_over_when_it_is_given_back(
    writer: JournalWriter, rows: Rows, job: ClaimedJob
) -> None:
    rows.change_job(job.id, cancel_requested=True)
    back = GiveBack(job, JobState.QUEUED, None, "released", "its worker was stopped")

    assert await writer.do(back)

    row, _, _, events = written(rows, job.id)
    assert (row["state"], row["error_cause"], row["claimed_by"]) == ("cancelled", "cancelled", None)
    assert row["finished_at"]
    assert events == ["cancelled"]
    assert await writer.do(back)  # its answer may get lost, too
    assert rows.events(job.id) == ["cancelled"]


async def test_a_heartbeat_counts_up_until_the_worker_is_given_up(writer: JournalWriter, rows: Rows) -> None:
    rows.incarnation("A", heartbeat=0)
    beat = Heartbeat("A", 4, 2, jobs_done=5, rss_mb=120, connections=30, loop_lag_ms=8, draining=False)
    assert await writer.do(beat)
    assert await writer.do(replace(beat, running=3))
    (alive,) = rows.alive()
    assert (alive["heartbeat"], alive["generation"], alive["running"]) == (2, 4, 3)
    assert (alive["jobs_done"], alive["rss_mb"], alive["connections"], alive["loop_lag_ms"]) == (5, 120, 30, 8)

    rows.change_incarnation("A", ended_at=1)
    assert not await writer.do(beat)


async def test_a_worker_that_drains_is_never_called_ready_again(writer: JournalWriter, rows: Rows) -> None:
    rows.incarnation("A")
    beat = Heartbeat("A", 4, 2, jobs_done=5, rss_mb=120, connections=30, loop_lag_ms=8, draining=False)
    await writer.do(beat)
    assert rows.alive()[0]["state"] == "ready"
    await writer.do(replace(beat, draining=True))
    assert rows.alive()[0]["state"] == "draining"
    await writer.do(beat)  # the supervisor wrote it before the worker heard of it
    assert rows.alive()[0]["state"] == "draining"
