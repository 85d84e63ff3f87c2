"""Long conversations in a running worker: cut for each model of the chain, or refused without a request."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from shared.config.publishing import publish, ring
from shared.db.tables import models
from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.running.crew import Crew

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

SMALL = Provider("small", ("small-secret-key-of-the-crew-01",))
BIG = Provider("big", ("big-secret-key-of-the-crew-0001",))


def _context(crew: Crew, **tokens: int | None) -> None:
    """Set what models read, and publish."""
    with crew.configured.engine.begin() as connection:
        for name, context in tokens.items():
            connection.execute(update(models).where(models.c.id == f"{name}/model").values(context_tokens=context))
        snapshot = publish(connection, author="test", comment="")
    assert snapshot is not None
    assert ring(crew.configured.redis, snapshot.generation)


async def _turns(crew: Crew, count: int) -> None:
    for number in range(count):
        row = await crew.run(f"turn {number} " + "word " * 500, conversation_id="c")
        assert row["state"] == "completed"


async def test_the_oldest_turns_are_left_out_and_it_is_told(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(SMALL, system_prompt="be brief")
    _context(crew, small=2500)
    await _turns(crew, 4)
    before = len(sandbox.control.log())
    row = await crew.run("the last one", conversation_id="c")
    result = json.loads(row["result"])
    assert row["state"] == "completed"
    (entry,) = sandbox.control.log()[before:]
    assert result["trimmed_messages"] > 0
    assert entry.messages == 1 + 8 + 1 - result["trimmed_messages"]
    assert result["trimmed_messages"] % 2 == 0  # whole turns


async def test_each_model_of_the_chain_gets_what_it_can_read(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(SMALL, BIG)
    _context(crew, small=2000, big=100_000)
    await _turns(crew, 3)
    row = await crew.run("short", conversation_id="c")
    assert json.loads(row["result"])["model"] == "small/model"
    assert json.loads(row["result"])["trimmed_messages"] > 0

    long = await crew.run("word " * 3000, conversation_id="c")
    result = json.loads(long["result"])
    assert (result["model"], "trimmed_messages" in result) == ("big/model", False)


async def test_what_no_model_reads_fails_without_a_request(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(SMALL, BIG)
    _context(crew, small=1000, big=2000)
    row = await crew.run("word " * 3000)
    assert (row["state"], row["error_cause"]) == ("failed", "context_window")
    assert "small/model: the conversation has 30" in row["error_message"]
    assert "--context-tokens" in row["error_message"]
    assert sandbox.control.calls()["total"] == 0
    assert crew.rows.attempts(row["id"]) == []


async def test_when_only_the_big_model_would_do_and_it_cools_the_job_waits(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(SMALL, BIG)
    _context(crew, small=1000, big=100_000)
    sandbox.control.set_default("rate_limit", retry_after_seconds=40)
    row = await crew.run("word " * 3000)
    assert row["state"] == "waiting"


async def test_the_journal_replays_although_the_model_read_less(crew: Crew, sandbox: Sandbox, capfd: Any) -> None:
    crew.configured.publish(SMALL, tools=["current_time"])
    _context(crew, small=2500)
    await _turns(crew, 4)
    row = await crew.run("go [[tools=1]]", conversation_id="c")
    assert row["state"] == "completed"
    made = sandbox.control.calls()["total"]
    crew.forget_last_step(row)
    await crew.runner.run(row["id"])
    assert crew.rows.job(row["id"])["state"] == "completed"
    assert sandbox.control.calls()["total"] == made + 1
    assert "journal.request_changed" not in "".join(capfd.readouterr())
