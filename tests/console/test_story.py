"""A job's timeline: what happened, in the order it happened."""

import json

from sqlalchemy import insert

from shared.db.tables import attempts, steps
from tests.console.command_line import CommandLine

SERVED = {
    "claim_token": 1, "provider": "groq", "model": "groq/m", "key_label": "one", "key_mask": "gsk_...mnop",
    "key_fingerprint": "f", "generation": 1, "duration_ms": 5,
}  # fmt: skip


def test_an_attempt_stands_behind_the_step_it_waited_for_although_its_workers_clock_is_late(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue(enqueued_at=1_000)
    result = json.dumps({"message": {"role": "tool", "content": "found"}})
    done = {"kind": "tool", "request_hash": "h", "result": result, "claim_token": 1}
    with wk.engine.begin() as connection:
        connection.execute(insert(steps).values(job_id=job, number=2, finished_at=1_549, **done))
        connection.execute(insert(attempts).values(job_id=job, step=3, started_at=1_525, **SERVED))

    timeline = wk.json("jobs", "show", job)["timeline"]

    assert [(entry["what"], entry["at_ms"]) for entry in timeline[1:]] == [("step 2", 1_549), ("attempt", 1_549)]
