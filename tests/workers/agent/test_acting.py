"""The tools of one turn: side by side, each result journaled by itself, nothing that must not act twice run twice."""

import asyncio
import threading
from typing import Any

import pytest

from tests.waiting import wait_until
from tests.workers.agent.turns import Turn, call
from tests.workers.running.crew import Crew
from tests.workers.tools.calling import made
from watchkeeper import ToolContext
from workers.journal.operations import StartTool
from workers.journal.records import LostClaim
from workers.lease import Fenced
from workers.tools.registry import Tool

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]


def a_turn(crew: Crew, calls: list[dict[str, Any]], *tools: Tool) -> Turn:
    """A turn whose agent has these tools."""
    return Turn(crew, calls, {tool.name: tool for tool in tools})


async def test_calls_of_one_turn_run_side_by_side(crew: Crew) -> None:
    both = threading.Barrier(2, timeout=10)

    def left() -> str:
        both.wait()
        return "left"

    def right() -> str:
        both.wait()
        return "right"

    turn = a_turn(crew, [call("left", id="a"), call("right", id="b")], made(left), made(right))
    assert await turn.act() == ["left", "right"]
    assert sorted(turn.told.heard) == [("finished", 2), ("finished", 3), ("started", 2), ("started", 3)]
    assert [row["number"] for row in crew.rows.steps(turn.job_id)] == [1, 2, 3]
    assert crew.rows.job(turn.job_id)["steps"] == 3


async def test_each_result_is_journaled_as_it_comes_and_found_again_by_its_place(crew: Crew) -> None:
    release, runs = threading.Event(), {"slow": 0, "quick": 0}

    def slow() -> str:
        runs["slow"] += 1
        release.wait(10)
        return f"slow {runs['slow']}"

    def quick() -> str:
        runs["quick"] += 1
        return f"quick {runs['quick']}"

    turn = a_turn(crew, [call("slow", id="a"), call("quick", id="b")], made(slow), made(quick))
    acting = asyncio.ensure_future(turn.act())
    await asyncio.to_thread(
        wait_until, lambda: turn.job_id and [r["number"] for r in crew.rows.steps(turn.job_id)] == [1, 3]
    )
    assert crew.rows.job(turn.job_id)["steps"] == 2
    acting.cancel()
    await asyncio.wait({acting}, timeout=5)
    assert acting.cancelled()
    release.set()

    assert await turn.act() == ["slow 2", "quick 1"]
    assert [(row["number"], row["claim_token"]) for row in crew.rows.steps(turn.job_id)] == [(1, 1), (2, 2), (3, 1)]
    assert crew.rows.job(turn.job_id)["steps"] == turn.transcript.done == 3
    assert turn.transcript.last == 3


async def cut_off(crew: Crew, tool: Tool, arguments: dict[str, Any] | None = None) -> Turn:
    """A turn whose only call was started by a worker that died then."""
    turn = a_turn(crew, [call(tool.name, arguments)], tool)
    await crew.writer.do(StartTool(await turn.claim(), 2, tool.name))
    return turn


async def test_what_must_not_act_twice_is_not_run_again_and_the_model_is_told(crew: Crew) -> None:
    ran: list[str] = []
    turn = await cut_off(crew, made(lambda: ran.append("again"), name="pay", repeatable=False))
    (told,) = await turn.act()
    assert told.startswith("outcome unknown: ")
    assert ran == []
    assert await turn.act() == [told]  # it is a step as any other


async def test_its_reconcile_hook_finds_out(crew: Crew) -> None:
    def pay(amount: int, context: ToolContext) -> str:
        raise AssertionError("run twice")

    async def found(context: ToolContext, amount: int) -> str:
        return f"paid {amount} under {context.idempotency_key}"

    turn = await cut_off(crew, made(pay, repeatable=False, reconcile=found), {"amount": 3})
    assert await turn.act() == [f"paid 3 under {turn.job_id}:2"]


@pytest.mark.parametrize("hook", [lambda context: None, lambda context: 1 / 0, lambda: "wrong signature"])
async def test_a_hook_that_does_not_know_or_breaks_leaves_it_unknown(crew: Crew, hook: Any) -> None:
    turn = await cut_off(crew, made(lambda: "ran", name="pay", repeatable=False, reconcile=hook))
    assert (await turn.act())[0].startswith("outcome unknown: ")


async def test_a_tool_that_is_gone_after_a_deploy_and_was_begun_before_it_is_unknown_too(crew: Crew) -> None:
    turn = await cut_off(crew, made(lambda: "ran", name="pay", repeatable=False))
    turn.tools = {}
    assert (await turn.act())[0].startswith("outcome unknown: ")


async def test_only_what_must_not_act_twice_is_noted_before_it_runs(crew: Crew) -> None:
    job_ids: list[str] = []

    def look(context: ToolContext) -> str:
        job_ids.append(context.job_id)
        return str(context.metadata)

    turn = a_turn(
        crew, [call("look", id="a"), call("pay", id="b")], made(look), made(look, name="pay", repeatable=False)
    )
    assert await turn.act() == ["{'customer': 7}"] * 2
    assert job_ids == [turn.job_id] * 2
    assert (await turn.claim()).started == {3}


async def test_who_lost_the_job_starts_nothing_that_must_not_act_twice(crew: Crew) -> None:
    ran: list[str] = []
    turn = a_turn(crew, [call("pay")], made(lambda: ran.append("ran"), name="pay", repeatable=False))
    job = await turn.claim()
    transcript = turn.transcript
    await turn.claim()
    turn.transcript = transcript
    with pytest.raises(LostClaim):
        await turn.run(job)
    assert ran == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (call("made_up"), "error: there is no tool 'made_up'; there is: add"),
        (call("add", "{broken"), "error: the arguments do not fit: they are not valid JSON"),
        (call("add", "[1, 2]"), "error: the arguments do not fit: they are not a JSON object"),
        (call("add", "[" * 100_000), "error: the arguments do not fit: they are not valid JSON"),
        (call("add", {"a": 1}), "error: the arguments do not fit: b: Field required"),
        (call("add", {"a": 1, "b": "x"}), "error: the arguments do not fit: b: Input should be a valid integer"),
        (call("add", {"a": 1, "b": 2}), "3"),
    ],
)
async def test_what_a_model_gets_wrong_goes_back_to_it_in_words(crew: Crew, asked: Any, words: str) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    turn = a_turn(crew, [asked], made(add))
    (told,) = await turn.act()
    assert told.startswith(words)
    arguments = turn.transcript.messages[0]["tool_calls"][0]["function"]["arguments"]
    assert arguments.startswith("{")  # some providers refuse a conversation with anything else
    assert len(arguments) < 2000


async def test_a_worker_that_was_given_up_starts_no_tool(crew: Crew) -> None:
    ran: list[str] = []
    turn = a_turn(crew, [call("look")], made(lambda: ran.append("ran"), name="look"))
    job = await turn.claim()
    crew.lease.fence()
    with pytest.raises(Fenced):
        await turn.run(job)
    assert ran == []
