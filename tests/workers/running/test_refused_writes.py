"""What SQL refuses for another reason than an outage is a surprise; a step that was paid for is kept all the same."""

import pytest
from sqlalchemy import text

from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.running.crew import Crew

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

P = Provider("p", ("p-secret-key-of-the-crew-0001",))
_REFUSE = "CREATE TRIGGER refuse BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'refused'); END"


@pytest.mark.parametrize("tools", [0, 1])
async def test_an_attempt_that_cannot_be_written_costs_no_second_call(
    crew: Crew, sandbox: Sandbox, tools: int
) -> None:
    crew.configured.publish(P, tools=["current_time"])
    with crew.rows.engine.begin() as connection:
        connection.execute(text(_REFUSE))
    row = await crew.run(f"hello [[tools={tools}]]")
    assert (row["state"], row["steps"]) == ("waiting", 1)
    assert crew.rows.events(row["id"]) == ["surprise"]

    with crew.rows.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refuse"))
    crew.rows.change_job(row["id"], state="queued")
    await crew.runner.run(row["id"])

    assert crew.rows.job(row["id"])["state"] == "completed"
    assert sandbox.control.calls()["total"] == tools + 1
