"""A job is in the hands of one worker at a time, whoever asks at the same moment."""

import asyncio
import random

from tests.rows import Rows
from tests.workers.journal.records import attempt, step
from watchkeeper.states import JobState
from workers.journal.claiming import Claim
from workers.journal.operations import Finish, GiveBack, RecordSteps
from workers.journal.records import ClaimedJob
from workers.journal.writer import JournalWriter


async def claimed(writer: JournalWriter, job_id: str, incarnation: str = "A") -> ClaimedJob:
    """The job, which must be had."""
    job = await writer.do(Claim(job_id, incarnation))
    assert job is not None
    return job


async def test_a_hundred_claims_of_four_writers_give_each_job_to_exactly_one(database_url: str, rows: Rows) -> None:
    job_ids = rows.enqueue(25)
    writers = {name: JournalWriter(database_url) for name in "ABCD"}
    asked = [(name, job_id) for name in writers for job_id in job_ids]
    random.Random(7).shuffle(asked)
    for writer in writers.values():
        writer.start()

    won = await asyncio.gather(*(writers[name].do(Claim(job_id, name)) for name, job_id in asked))

    winners = {job.id: name for (name, _), job in zip(asked, won, strict=True) if job is not None}
    assert sum(job is not None for job in won) == 25
    assert {row["id"]: row["claimed_by"] for row in rows.all_jobs()} == winners
    assert {row["claim_token"] for row in rows.all_jobs()} == {1}
    assert all(writer.close(timeout=10) for writer in writers.values())


async def test_what_is_not_queued_is_not_claimed(writer: JournalWriter, rows: Rows) -> None:
    for state in set(JobState) - {JobState.QUEUED}:
        (job_id,) = rows.enqueue(state=state, claimed_by="other")
        assert await writer.do(Claim(job_id, "A")) is None
        assert rows.job(job_id)["claim_token"] == 0
    assert await writer.do(Claim("there is none", "A")) is None


async def test_a_claim_whose_answer_got_lost_is_made_again_by_the_same_worker_only(
    writer: JournalWriter, rows: Rows
) -> None:
    (job_id,) = rows.enqueue()
    first = await claimed(writer, job_id)

    assert await writer.do(Claim(job_id, "B")) is None
    assert (await claimed(writer, job_id)).token == first.token + 1


async def test_a_claim_brings_the_journal_in_order(writer: JournalWriter, rows: Rows) -> None:
    (job_id,) = rows.enqueue()
    job = await claimed(writer, job_id)
    await writer.do(RecordSteps(job, (step(1, "one"), step(2, "two", "tool")), (attempt(1),)))
    await writer.do(RecordSteps(job, (step(3, "three"),), ()))
    await writer.do(GiveBack(job, JobState.QUEUED, None, "released", "stopped"))

    again = await claimed(writer, job_id, "B")

    assert [(s.number, s.kind, s.message["content"]) for s in again.steps] == [
        (1, "llm", "one"),
        (2, "tool", "two"),
        (3, "llm", "three"),
    ]
    assert again.steps[0] == step(1, "one")
    assert again.messages == [{"role": "user", "content": "hello"}]
    assert again.token == 2


async def test_a_later_turn_is_not_claimable_before_the_earlier_one_is_final(
    writer: JournalWriter, rows: Rows
) -> None:
    first, second = rows.enqueue(2, conversation_id="talk", text="turn")
    assert await writer.do(Claim(second, "B")) is None
    job = await claimed(writer, first)
    assert await writer.do(Claim(second, "B")) is None
    await writer.do(GiveBack(job, JobState.WAITING, 2**53, "yielded", "nobody there"))
    assert await writer.do(Claim(second, "B")) is None

    rows.change_job(first, state=JobState.QUEUED)
    job = await claimed(writer, first)
    woken = await writer.do(Finish(job, JobState.COMPLETED, 1, (step(1),), (), {"text": "first answer"}))

    assert woken is not None
    assert woken.job_id == second
    later = await claimed(writer, second, "B")
    assert later.history == [
        {"role": "user", "content": "turn"},
        {"role": "assistant", "content": "first answer"},
    ]


async def test_a_failed_turn_lets_the_next_one_go_and_leaves_no_trace_in_the_history(
    writer: JournalWriter, rows: Rows
) -> None:
    first, second = rows.enqueue(2, conversation_id="talk")
    job = await claimed(writer, first)
    woken = await writer.do(Finish(job, JobState.FAILED, 0, error_cause="max_steps", error_message="why"))

    assert woken is not None
    assert woken.job_id == second
    assert (await claimed(writer, second)).history == []


async def test_the_last_turn_wakes_nobody(writer: JournalWriter, rows: Rows) -> None:
    (job_id,) = rows.enqueue(conversation_id="talk")
    rows.enqueue(conversation_id="another talk")
    job = await claimed(writer, job_id)
    assert await writer.do(Finish(job, JobState.COMPLETED, 0, result={"text": ""})) is None
