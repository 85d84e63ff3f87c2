"""The story of a streamed job, from a real worker to its stream."""

import asyncio

import pytest

from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import eventually
from tests.workers.running.crew import Crew
from tests.workers.telling.reading import kinds, text, told

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001",))
B = Provider("beta", ("beta-secret-key-0001",), "anthropic")


async def test_a_job_tells_its_steps_its_words_and_its_end(crew: Crew) -> None:
    crew.configured.publish(A, tools=["current_time"])
    row = await crew.run("go [[tools=1]]", stream=True)
    await eventually(lambda: crew.publisher.idle)
    events = await told(crew.client, row["id"])
    assert kinds(events) == [
        *("step_started 1", "step_finished 1"),
        *("step_started 2", "step_finished 2"),
        *("step_started 3", "token 3", "step_finished 3"),
        "ended",
    ]
    started = [data for _, kind, _, data in events if kind == "step_started"]
    assert [data["kind"] for data in started] == ["llm", "tool", "llm"]
    assert started[1]["name"] == "current_time"
    finished = [data for _, kind, _, data in events if kind == "step_finished"]
    assert finished[0]["tool_calls"][0]["function"]["name"] == "current_time"
    assert finished[2]["text"] == text(events)
    assert finished[2]["provider"] == "alpha"
    assert finished[2]["output_tokens"]
    ended = events[-1][3]
    assert ended["state"] == "completed"
    assert ended["text"] == text(events)
    assert ended["steps"] == 3
    assert ended["result"]["text"] == text(events)


async def test_a_job_that_nobody_reads_is_not_streamed_and_tells_nothing(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(A)
    row = await crew.run("hello")
    assert row["state"] == "completed"
    assert not any(entry.stream for entry in sandbox.control.log())
    assert await told(crew.client, row["id"]) == []


async def test_a_stream_that_breaks_is_told_anew_by_the_next_provider(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(A, B)
    sandbox.control.set_key(A.keys[0], "die_mid_stream")
    row = await crew.run("hello [[tokens=30]]", stream=True)
    await eventually(lambda: crew.publisher.idle)
    events = await told(crew.client, row["id"])
    assert kinds(events) == [
        *("step_started 1", "token 1", "step_reset 1", "token 1", "step_finished 1"),
        "ended",
    ]
    assert text(events) == events[-1][3]["text"]


async def test_a_job_given_back_in_the_middle_is_told_to_its_end_by_the_next_claim(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(A)
    sandbox.control.set_key(A.keys[0], ["hang_mid_stream"])
    (job_id,) = crew.rows.enqueue(text="hello [[tokens=30]]", stream=True)
    task = asyncio.create_task(crew.runner.run(job_id))
    async with asyncio.timeout(10):
        while not text(await told(crew.client, job_id)):
            await asyncio.sleep(0.01)
    await crew.runner.hand_back(5.0)
    await task
    await crew.runner.run(job_id)
    await eventually(lambda: crew.publisher.idle)
    events = await told(crew.client, job_id)
    assert kinds(events) == [
        *("step_started 1", "token 1", "waiting"),
        *("step_reset 1", "step_started 1", "token 1", "step_finished 1"),
        "ended",
    ]
    assert text(events) == events[-1][3]["text"]
    assert events[-1][0].startswith("2-")


async def test_a_job_that_waits_for_keys_says_so(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(A)
    sandbox.control.set_key(A.keys[0], "rate_limit", retry_after_seconds=60)
    row = await crew.run("hello", stream=True)
    await eventually(lambda: crew.publisher.idle)
    events = await told(crew.client, row["id"])
    assert kinds(events) == ["step_started 1", "waiting"]
    waiting = events[-1][3]
    assert waiting["state"] == row["state"] == "waiting"
    assert waiting["run_after_ms"] == row["run_after"]
    assert waiting["why"]
