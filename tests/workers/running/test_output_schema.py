"""Agents with an output schema: the value, one repair turn, a failure that keeps the text, and no step paid twice."""

import json

import pytest

from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.running.crew import Crew

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

OPENAI = Provider("p", ("p-secret-key-of-the-crew-0001",))
SCHEMA = json.dumps({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "groq"])
async def test_an_answer_that_keeps_to_the_schema_brings_its_value_along(
    crew: Crew, sandbox: Sandbox, kind: str
) -> None:
    crew.configured.publish(Provider("p", OPENAI.keys, kind), output_schema=SCHEMA)
    row = await crew.run('[[say={"city": "Riga"}]]')
    result = json.loads(row["result"])
    assert (row["state"], row["steps"], result["data"]) == ("completed", 1, {"city": "Riga"})
    assert result["text"] == '{"city": "Riga"}'


async def test_an_answer_that_does_not_is_repaired_in_one_more_step(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(OPENAI, output_schema=SCHEMA)
    row = await crew.run('[[say={"city": 7}]] [[then={"city": "Riga"}]]')
    result = json.loads(row["result"])
    assert (row["state"], row["steps"], result["data"]) == ("completed", 2, {"city": "Riga"})
    assert [entry.messages for entry in sandbox.control.log()] == [1, 3]
    assert result["usage"]["input_tokens"] == sum(step["input_tokens"] for step in crew.rows.steps(row["id"]))


async def test_an_answer_that_stays_wrong_fails_the_job_and_keeps_the_text(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(OPENAI, output_schema=SCHEMA)
    row = await crew.run("[[say=in Riga]] [[then=[1]]]")
    assert (row["state"], row["error_cause"], row["steps"]) == ("failed", "invalid_output", 2)
    assert "does not keep to the agent's output schema" in row["error_message"]
    assert json.loads(row["result"])["text"]
    assert "data" not in json.loads(row["result"])
    assert sandbox.control.calls()["total"] == 2


async def test_retried_after_that_it_keeps_what_was_paid_for_and_is_repaired_once_more(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(OPENAI, output_schema=SCHEMA)
    row = await crew.run("[[say=in Riga]]")
    crew.rows.change_job(row["id"], state="queued", result=None, error_cause=None, finished_at=None)
    await crew.runner.run(row["id"])
    again = crew.rows.job(row["id"])
    assert (again["state"], again["steps"]) == ("failed", 3)
    assert sandbox.control.calls()["total"] == 3


async def test_a_rescued_job_replays_the_invalid_answer_and_pays_only_for_the_repair(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(OPENAI, output_schema=SCHEMA)
    row = await crew.run('[[say={"city": 7}]] [[then={"city": "Riga"}]]')
    crew.forget_last_step(row)
    await crew.runner.run(row["id"])
    again = crew.rows.job(row["id"])
    assert (again["state"], again["steps"], json.loads(again["result"])["data"]) == ("completed", 2, {"city": "Riga"})
    assert sandbox.control.calls()["total"] == 3


async def test_the_schema_applies_to_the_final_answer_and_leaves_tools_alone(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(OPENAI, output_schema=SCHEMA, tools=["current_time"])
    row = await crew.run('[[tools=1]] [[say={"city": "Riga"}]]')
    assert (row["state"], row["steps"]) == ("completed", 3)
    assert json.loads(row["result"])["data"] == {"city": "Riga"}


async def test_without_a_step_left_for_a_repair_the_job_fails_at_once(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(OPENAI, output_schema=SCHEMA, max_steps=1)
    row = await crew.run("[[say=in Riga]]")
    assert (row["state"], row["error_cause"], row["steps"]) == ("failed", "invalid_output", 1)
    assert json.loads(row["result"])["text"] == "in Riga"
