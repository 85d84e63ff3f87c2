"""A claim brings the conversation's newest turns along, never more than a model could read."""

import json

from tests.rows import Rows
from workers.journal.claiming import Claim
from workers.journal.history import MOST_HISTORY
from workers.journal.writer import JournalWriter


def _turns(rows: Rows, count: int, *, size: int) -> None:
    for number in range(count):
        rows.enqueue(
            text=f"{number} " + "x" * size,
            conversation_id="c",
            state="completed",
            enqueued_at=number,
            result=json.dumps({"text": f"answer {number}"}),
        )


async def test_all_of_a_short_conversation_comes_in_order(writer: JournalWriter, rows: Rows) -> None:
    _turns(rows, 40, size=10)
    rows.enqueue(conversation_id="c", state="failed", result=json.dumps({"text": "never said"}))
    (job_id,) = rows.enqueue(conversation_id="c")
    job = await writer.do(Claim(job_id, "A"))
    assert job is not None
    assert [message["content"].split()[0] for message in job.history[::2]] == [str(n) for n in range(40)]
    assert [message["content"] for message in job.history[1::2]] == [f"answer {n}" for n in range(40)]


async def test_of_a_long_one_only_the_newest_turns_are_loaded(writer: JournalWriter, rows: Rows) -> None:
    _turns(rows, 20, size=MOST_HISTORY // 8)
    (job_id,) = rows.enqueue(conversation_id="c")
    job = await writer.do(Claim(job_id, "A"))
    assert job is not None
    assert [message["content"].split()[0] for message in job.history[::2]] == [str(n) for n in range(13, 20)]
    assert len(json.dumps(job.history)) <= MOST_HISTORY


async def test_a_turn_that_nobody_could_read_ends_the_history(writer: JournalWriter, rows: Rows) -> None:
    _turns(rows, 1, size=MOST_HISTORY)
    (job_id,) = rows.enqueue(conversation_id="c")
    job = await writer.do(Claim(job_id, "A"))
    assert job is not None
    assert job.history == []
