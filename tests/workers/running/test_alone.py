"""A job that was present at crashes runs a turn alone, then goes on among others; a second time alone to its end."""

import pytest
from sqlalchemy import delete

from shared.db.tables import job_events
from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.running.crew import Crew
from watchkeeper.contract import ALONE_QUEUE, WAKE_QUEUE

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

P = Provider("p", ("p-secret-key-of-the-crew-0001",))


@pytest.fixture
def alone() -> bool:
    """This worker was started for one job."""
    return True


async def test_after_one_turn_alone_a_job_goes_back_to_the_others_and_nothing_of_it_is_asked_twice(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(P, tools=["current_time"])
    row = await crew.run("go [[tools=2]]", crashes=3, crashes_alone=1)

    assert (row["state"], row["steps"], row["claimed_by"]) == ("queued", 2, None)
    assert (row["crashes"], row["crashes_alone"]) == (0, 0)
    assert crew.rows.events(row["id"]) == ["cleared"]
    redis = crew.configured.redis
    assert (redis.zrange(WAKE_QUEUE, 0, -1), redis.zcard(ALONE_QUEUE)) == ([row["id"]], 0)

    crew.rows.change_job(row["id"], crashes=2)  # and again workers crash with it: now it is alone to its end
    await crew.runner.run(row["id"])
    row = crew.rows.job(row["id"])
    assert (row["state"], row["steps"]) == ("completed", 5)
    assert crew.rows.events(row["id"]) == ["cleared"]
    assert len([entry for entry in sandbox.control.log() if entry.model is not None]) == 3


async def test_one_that_stood_in_a_tool_runs_that_tool_alone_and_asks_no_model(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P, tools=["current_time"])
    row = await crew.run("go [[tools=2]]")
    crew.forget_last_step(row)
    with crew.rows.engine.begin() as connection:
        connection.execute(delete(job_events))  # as if it had never been alone before
    crew.rows.change_job(row["id"], crashes=2)
    await crew.runner.run(row["id"])

    row = crew.rows.job(row["id"])
    assert (row["state"], row["steps"], row["crashes"]) == ("queued", 2, 0)
    assert len([entry for entry in sandbox.control.log() if entry.model is not None]) == 1
