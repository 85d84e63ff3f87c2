"""A job that SQL says a living worker runs, and that it does not run, is not stuck for good."""

import asyncio

import pytest

from scheduler.rescuer import Rescuer
from shared.clock import SystemClock
from shared.jobs.retry import retry_job
from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import eventually
from tests.workers.running.crew import Crew
from watchkeeper.news import News
from workers.strays import Strays

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

P = Provider("p", ("p-secret-key-of-the-crew-0001",))


def strays(crew: Crew) -> Strays:
    """As worker A has it."""
    return Strays(crew.writer, crew.announcer, "A", crew.runner.holds)


def fail_over(crew: Crew, job_id: str, token: int) -> None:
    """The server that took over has the claim, and misses the end."""
    crew.rows.change_job(job_id, state="running", claimed_by="A", claim_token=token, result=None, finished_at=None)


async def test_an_end_lost_in_a_failover_is_run_again_from_the_journal(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, tools=["current_time"])
    row = await crew.run("what time is it [[tools=1]]")
    crew.forget_last_step(row)
    fail_over(crew, row["id"], row["claim_token"])
    assert not Rescuer(crew.rows.engine, crew.configured.redis, SystemClock()).run_once(0)
    asked = sandbox.control.calls()["total"]

    assert await strays(crew).run_once() == 1
    await crew.runner.run(row["id"])

    again = crew.rows.job(row["id"])
    assert (again["state"], again["claim_token"], again["steps"]) == ("completed", row["claim_token"] + 1, 3)
    assert crew.rows.events(row["id"]) == ["stray"]
    assert sandbox.control.calls()["total"] == asked + 1  # the finished reply was not paid for again
    assert await strays(crew).run_once() == 0


async def test_what_is_in_our_hands_is_left_there(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    (job_id,) = crew.rows.enqueue(text="hello [[slow=0.3]]")
    running = asyncio.ensure_future(crew.runner.run(job_id))
    await eventually(lambda: crew.rows.job(job_id)["state"] == "running")
    assert await strays(crew).run_once() == 0
    await running
    assert crew.rows.job(job_id)["state"] == "completed"


async def test_one_that_was_to_be_cancelled_is(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    row = await crew.run()
    fail_over(crew, row["id"], row["claim_token"])
    crew.rows.change_job(row["id"], cancel_requested=True)
    assert await strays(crew).run_once() == 1
    assert crew.rows.job(row["id"])["state"] == "cancelled"


async def test_one_that_is_lost_again_and_again_is_dead(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    row = await crew.run()
    for token in range(2, 6):
        fail_over(crew, row["id"], token)
        assert await strays(crew).run_once() == 1
    row = crew.rows.job(row["id"])
    assert (row["state"], row["error_cause"], row["claimed_by"]) == ("dead", "internal_error", None)
    assert "lost hold" in row["error_message"]

    with crew.rows.engine.begin() as connection:
        retry_job(connection, row["id"], by="test", news=News())
    fail_over(crew, row["id"], 6)
    assert await strays(crew).run_once() == 1
    assert crew.rows.job(row["id"])["state"] == "queued"
