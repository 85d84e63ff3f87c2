"""How a job ends: each ending with its state, its words and its journal."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import delete

from shared.clock import SystemClock
from shared.db.tables import agents
from shared.jobs.retry import retry_job
from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.waiting import wait_until
from tests.workers.running.crew import Crew
from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE
from watchkeeper.news import News
from workers.agent.loop import AgentLoop

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

P = Provider("p", ("p-secret-key-of-the-crew-0001",))


async def test_an_answer_completes_the_job_and_is_announced(crew: Crew, sandbox: Sandbox) -> None:
    snapshot = crew.configured.publish(P)
    with crew.configured.redis.pubsub() as ear:  # type: ignore[no-untyped-call]
        ear.psubscribe(DONE_CHANNEL + "*")
        ear.get_message(timeout=5)
        row = await crew.run()
        assert (await asyncio.to_thread(ear.get_message, timeout=5))["channel"] == DONE_CHANNEL + row["id"]

    result = json.loads(row["result"])
    assert (row["state"], row["steps"], row["claimed_by"]) == ("completed", 1, None)
    assert 'You said: "hello"' in result["text"]
    assert (result["model"], result["provider"], result["key"]) == ("p/model", "p", "p key 1")
    assert result["generation"] == snapshot.generation
    assert result["usage"]["input_tokens"] > 0
    assert result["cost_usd"] > 0
    (attempt,) = crew.rows.attempts(row["id"])
    assert attempt["cause"] is None
    assert attempt["cost_usd"] == pytest.approx(result["cost_usd"])


async def test_tools_are_run_and_every_turn_is_journaled(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, tools=["current_time"])
    row = await crew.run("what time is it [[tools=2]]")
    assert row["state"] == "completed"
    steps = crew.rows.steps(row["id"])
    assert [step["kind"] for step in steps] == ["llm", "tool", "llm", "tool", "llm"]
    assert "error" not in steps[1]["result"]
    assert json.loads(row["result"])["usage"]["input_tokens"] == sum(step["input_tokens"] or 0 for step in steps)


async def test_an_agent_that_comes_to_no_end_is_stopped_at_its_limit(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, tools=["current_time"], max_steps=4)
    row = await crew.run("for ever [[tools=50]]")
    assert (row["state"], row["error_cause"], row["steps"]) == ("failed", "max_steps", 4)
    assert "within 4 steps" in row["error_message"]
    assert len(crew.rows.steps(row["id"])) == 4


async def test_a_fault_of_the_request_fails_the_job_with_the_providers_words(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    sandbox.control.set_default("context_window")
    row = await crew.run()
    assert (row["state"], row["error_cause"]) == ("failed", "context_window")
    assert "The provider said:" in row["error_message"]
    assert [attempt["cause"] for attempt in crew.rows.attempts(row["id"])] == ["context_window"]


async def test_an_agent_that_was_removed_fails_the_job_with_that_reason(crew: Crew) -> None:
    crew.configured.publish(P)
    row = await crew.run(agent="long gone")
    assert (row["state"], row["error_cause"]) == ("failed", "agent_removed")
    assert "'long gone'" in row["error_message"]


async def test_when_all_keys_cool_the_job_waits_for_the_first_to_return(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    sandbox.control.set_default("rate_limit", retry_after_seconds=40)
    row = await crew.run()
    assert (row["state"], row["yields"], row["claimed_by"]) == ("waiting", 1, None)
    assert 30_000 < row["run_after"] - SystemClock().now_ms() < 50_000
    assert crew.rows.events(row["id"]) == ["yielded"]
    assert len(crew.rows.attempts(row["id"])) == 1


async def test_with_nothing_configured_the_job_is_parked_and_a_publish_makes_it_due(crew: Crew) -> None:
    row = await crew.run()  # a worker that is quicker than the scheduler's first publish
    assert (row["state"], crew.rows.events(row["id"])) == ("parked", ["parked"])

    crew.configured.publish()
    crew.rows.change_job(row["id"], state="queued")
    await crew.runner.run(row["id"])
    assert crew.rows.job(row["id"])["state"] == "parked"

    crew.configured.publish(P)
    assert crew.rows.job(row["id"])["run_after"] <= SystemClock().now_ms() + 1000


async def test_an_agent_that_must_not_wait_fails_at_once(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, on_outage="fail")
    sandbox.control.set_default("rate_limit", retry_after_seconds=40)
    row = await crew.run()
    assert (row["state"], row["error_cause"]) == ("failed", "rate_limit_short")
    assert "Try again at" in row["error_message"]


async def test_a_deadline_that_passes_meanwhile_fails_the_job(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    sandbox.control.set_default("hang")
    row = await crew.run(deadline=SystemClock().now_ms() + 400)
    assert row["state"] == "failed"
    assert row["error_cause"] in ("deadline", "timeout")
    assert "deadline" in row["error_message"]


async def test_a_wish_to_cancel_is_followed_after_the_current_step(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, tools=["current_time"])
    row = await crew.run("go [[tools=3]]", cancel_requested=True)
    assert (row["state"], row["error_cause"]) == ("cancelled", "cancelled")
    assert sandbox.control.calls()["total"] == 1
    assert len(crew.rows.steps(row["id"])) == row["steps"]


async def test_a_wake_up_that_comes_twice_runs_the_job_once(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    (job_id,) = crew.rows.enqueue()
    await asyncio.gather(*(crew.runner.run(job_id) for _ in range(5)))
    await crew.runner.run(job_id)
    assert sandbox.control.calls()["total"] == 1
    assert crew.rows.job(job_id)["claim_token"] == 1


async def test_who_loses_the_claim_while_running_writes_nothing(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    (job_id,) = crew.rows.enqueue(text="go [[slow=0.3]]")
    running = asyncio.ensure_future(crew.runner.run(job_id))
    await asyncio.to_thread(wait_until, sandbox.control.log)
    crew.rows.change_job(job_id, claimed_by="B", claim_token=2)
    await running
    assert crew.rows.job(job_id)["state"] == "running"
    assert (crew.rows.steps(job_id), crew.rows.attempts(job_id)) == ([], [])


async def test_a_worker_that_was_given_up_starts_no_further_step(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, tools=["current_time"])
    crew.lease.fence()
    row = await crew.run()
    assert row["state"] == "running"  # the rescuer has it
    assert sandbox.control.calls()["total"] == 0


async def test_handing_back_keeps_what_was_paid_for_and_wakes_another_worker(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, tools=["current_time"])
    (job_id,) = crew.rows.enqueue(text="go [[tools=1]] [[slow=0.4]]")
    running = asyncio.ensure_future(crew.runner.run(job_id))
    await asyncio.to_thread(wait_until, lambda: len(sandbox.control.log()) == 2)

    await crew.runner.hand_back(5.0)
    await crew.announcer.flush()
    await asyncio.gather(running, return_exceptions=True)

    row = crew.rows.job(job_id)
    assert (row["state"], row["steps"], row["claimed_by"]) == ("queued", 2, None)
    assert crew.configured.redis.zrange(WAKE_QUEUE, 0, -1) == [job_id]
    await crew.runner.run(job_id)
    assert crew.rows.job(job_id)["state"] == "completed"
    assert len(sandbox.control.log()) == 3


class Exploding(AgentLoop):
    """A fault of our own."""

    def __init__(self) -> None:
        """Needs nothing."""

    async def run(self, job: Any, transcript: Any, teller: Any) -> Any:
        """Break."""
        raise ZeroDivisionError("with gsk_a_secret_that_was_in_the_way_01")


async def test_a_fault_of_our_own_gives_the_job_back_three_times_and_then_a_person_must_look(crew: Crew) -> None:
    crew.runner.loop = Exploding()
    row = await crew.run()
    for _ in range(3):
        assert row["state"] == "waiting"
        crew.rows.change_job(row["id"], state="queued")
        await crew.runner.run(row["id"])
        row = crew.rows.job(row["id"])
    assert (row["state"], row["error_cause"]) == ("dead", "internal_error")
    assert crew.rows.events(row["id"]) == ["surprise"] * 3
    assert "gsk_" not in row["error_message"]


async def test_a_retry_forgives_the_faults_before_it(crew: Crew) -> None:
    crew.runner.loop = Exploding()
    row = await crew.run()
    for _ in range(3):
        crew.rows.change_job(row["id"], state="queued")
        await crew.runner.run(row["id"])
    assert crew.rows.job(row["id"])["state"] == "dead"
    with crew.rows.engine.begin() as connection:
        retry_job(connection, row["id"], by="test", news=News())

    for count in (1, 2, 3):
        await crew.runner.run(row["id"])
        assert crew.rows.job(row["id"])["state"] == "waiting"
        assert crew.rows.events(row["id"]).count("surprise") == 3 + count
        crew.rows.change_job(row["id"], state="queued")
    await crew.runner.run(row["id"])
    assert crew.rows.job(row["id"])["state"] == "dead"


async def test_redis_away_at_the_end_loses_no_result(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    (job_id,) = crew.rows.enqueue(text="go [[slow=0.2]]")
    running = asyncio.ensure_future(crew.runner.run(job_id))
    await asyncio.to_thread(wait_until, sandbox.control.log)
    crew.configured.redis.client_kill_filter(_type="normal", skipme=True)
    await running
    await crew.announcer.flush()
    assert crew.rows.job(job_id)["state"] == "completed"


async def test_an_agent_that_is_removed_under_a_waiting_job_fails_it_with_that_reason(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(P)
    sandbox.control.set_default("rate_limit", retry_after_seconds=40)
    row = await crew.run()
    assert row["state"] == "waiting"
    with crew.rows.engine.begin() as connection:
        connection.execute(delete(agents).where(agents.c.name == "default"))
    crew.configured.publish(Provider("q", ("q-secret-key-of-the-crew-0002",)))
    crew.rows.change_job(row["id"], state="queued")
    await crew.runner.run(row["id"])
    row = crew.rows.job(row["id"])
    assert (row["state"], row["error_cause"]) == ("failed", "agent_removed")


async def test_a_model_that_is_removed_under_a_waiting_job_is_not_asked_any_more(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(P)
    sandbox.control.set_key(P.keys[0], "rate_limit", retry_after_seconds=40)
    row = await crew.run()
    assert row["state"] == "waiting"
    crew.configured.publish(Provider("q", ("q-secret-key-of-the-crew-0002",)))
    crew.rows.change_job(row["id"], state="queued")
    await crew.runner.run(row["id"])
    row = crew.rows.job(row["id"])
    assert (row["state"], json.loads(row["result"])["model"]) == ("completed", "q/model")
