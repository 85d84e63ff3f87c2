"""Jobs with tools from claim to ending, through the sandbox."""

import asyncio
import itertools
import json
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.clock import SystemClock
from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.running.crew import Crew
from tests.workers.tools.calling import made

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

P = Provider("p", ("p-secret-key-of-the-crew-0001",))


def told(crew: Crew, job_id: str) -> list[str]:
    """What the model was told by tools."""
    steps = [row for row in crew.rows.steps(job_id) if row["kind"] == "tool"]
    return [json.loads(row["result"])["message"]["content"] for row in steps]


async def test_a_model_that_repeats_itself_is_told_so_and_then_stopped(crew: Crew, sandbox: Sandbox) -> None:
    crew.tools["look"] = made(lambda: "nothing new", name="look")
    crew.configured.publish(P, tools=["look"])
    row = await crew.run("round and round [[tools=50]]")
    assert (row["state"], row["error_cause"], row["steps"]) == ("failed", "tool_loop", 9)
    assert "5 turns in a row (look)" in row["error_message"]
    assert [("the very same tool call" in text) for text in told(crew, row["id"])] == [False, False, True, True]
    assert len(crew.rows.steps(row["id"])) == row["steps"]


async def test_a_tool_that_is_polled_and_answers_something_new_is_progress(crew: Crew, sandbox: Sandbox) -> None:
    percent = itertools.count(10, 10)
    crew.tools["progress"] = made(lambda: f"{next(percent)} %", name="progress")
    crew.configured.publish(P, tools=["progress"])
    row = await crew.run("poll it [[tools=7]]")
    assert (row["state"], row["steps"]) == ("completed", 15)
    assert told(crew, row["id"]) == [f"{percent} %" for percent in range(10, 80, 10)]


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (lambda: exit(3), "called exit"),
        (lambda: "x" * 20_000_000, "[cut: the result is 20000000 bytes long"),
        (lambda: object(), "is no JSON"),
        (lambda: threading.Event().wait(1.0), "did not finish within 0.05 seconds"),
        (lambda: {}["missing"], "error: KeyError: 'missing'"),
    ],
)
async def test_whatever_a_tool_does_the_job_goes_on(crew: Crew, sandbox: Sandbox, misbehave: Any, words: str) -> None:
    crew.tools["bad"] = made(misbehave, name="bad", timeout_seconds=0.05 if "0.05" in words else 30)
    crew.configured.publish(P, tools=["bad"])
    row = await crew.run("go [[tools=1]]")
    assert row["state"] == "completed"
    (text,) = told(crew, row["id"])
    assert words in text


async def test_a_tool_this_worker_does_not_have_is_told_once_and_jobs_go_on_without_it(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(P, tools=["gone", "current_time"])
    with capture_logs() as logs:
        rows = [await crew.run("go [[tools=1]]") for _ in range(2)]
    assert [row["state"] for row in rows] == ["completed"] * 2
    missing = [entry for entry in logs if entry["event"] == "tool.missing"]
    assert [(entry["agent"], entry["tool"]) for entry in missing] == [("default", "gone")]


async def test_a_tool_that_hangs_holds_up_no_deadline(crew: Crew, sandbox: Sandbox) -> None:
    release = threading.Event()
    crew.tools["hang"] = made(lambda: release.wait(30), name="hang")
    crew.configured.publish(P, tools=["hang"])
    row = await asyncio.wait_for(crew.run("go [[tools=1]]", deadline=SystemClock().now_ms() + 1500), 10)
    release.set()
    assert (row["state"], row["error_cause"], row["steps"]) == ("failed", "deadline", 1)
