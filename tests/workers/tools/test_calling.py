"""Whatever a tool does, its call ends in a text for the model, in time, and the worker's loop goes on."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.waiting import wait_until
from tests.workers.tools.calling import a_context, made
from watchkeeper import ToolContext
from workers.tools.calling import ToolCalls
from workers.tools.results import MAX_BYTES


@pytest.fixture
async def calls() -> AsyncIterator[ToolCalls]:
    """A worker's calls, two threads."""
    calls = ToolCalls(threads=2)
    yield calls
    calls.stop()


class Odd(Exception):
    """Cannot even be described."""

    def __str__(self) -> str:
        raise ValueError


def _raise(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (lambda: "as it is", "as it is"),
        (lambda: {"a": [1, None]}, '{"a":[1,null]}'),
        (lambda: None, "null"),
        (object, "error: the tool's result is no JSON"),
        (lambda: b"\xff", "error: the tool's result is no JSON"),
        (lambda: iter("abc"), "error: the tool returned str_"),
        (lambda: "\ud800", "?"),
        (lambda: _raise(ValueError("no such customer")), "error: ValueError: no such customer"),
        (lambda: _raise(Odd()), "error: Odd: (it cannot be described)"),
        (lambda: _raise(StopIteration()), "error: "),
        (lambda: _raise(KeyboardInterrupt()), "error: KeyboardInterrupt"),
        (lambda: _raise(asyncio.CancelledError()), "error: CancelledError"),
        (lambda: sys.exit(3), "error: the tool called exit (3)"),
        (lambda: _raise(ValueError("bad key gsk_abcdefghijklmnopqrstuvwxyz0123")), "error: ValueError: bad key"),
    ],
)
async def test_every_outcome_is_a_text(calls: ToolCalls, is_async: bool, outcome: Any, text: str) -> None:
    def plain() -> Any:
        return outcome()

    async def waiting() -> Any:
        await asyncio.sleep(0)
        return outcome()

    told = await calls.call(made(waiting if is_async else plain), {}, a_context())
    assert told.startswith(text)
    assert "gsk_abcdef" not in told


async def test_twenty_megabytes_are_cut_and_the_model_is_told(calls: ToolCalls) -> None:
    told = await calls.call(made(lambda: "ä" * 10_000_000, name="big"), {}, a_context())
    assert len(told.encode()) <= MAX_BYTES
    assert told.startswith("äää")
    assert told.endswith("[cut: the result is 20000000 bytes long, this is its beginning]")


async def test_a_sync_tool_that_hangs_is_given_up_in_time_and_counted(calls: ToolCalls) -> None:
    release = threading.Event()
    context = a_context()
    hanging = made(lambda: release.wait(), name="hang", timeout_seconds=0.1)
    with capture_logs() as logs:
        told = await calls.call(hanging, {}, context)
    assert told == "error: the tool did not finish within 0.1 seconds"
    assert [entry["event"] for entry in logs] == ["tool.timed_out"]
    assert context.cancelled.is_set()
    assert calls.stuck == 1

    await calls.call(hanging, {}, a_context())
    assert "no thread left" in await calls.call(hanging, {}, a_context())
    release.set()
    while calls.stuck:
        await asyncio.sleep(0.01)
    assert await calls.call(made(lambda: "again", name="fine"), {}, a_context()) == "again"


async def test_one_that_must_not_act_twice_leaves_the_model_no_wrong_hope(calls: ToolCalls) -> None:
    release = threading.Event()
    told = await calls.call(
        made(lambda: release.wait(), name="pay", timeout_seconds=0.1, repeatable=False), {}, a_context()
    )
    release.set()
    assert "whether it took effect is unknown" in told


async def test_an_async_tool_that_hangs_is_told_to_stop(calls: ToolCalls) -> None:
    stopped = threading.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    assert "did not finish" in await calls.call(made(hang, timeout_seconds=0.1), {}, a_context())
    await asyncio.to_thread(wait_until, stopped.is_set)
    assert calls.stuck == 0


async def test_an_async_tool_that_blocks_stalls_neither_the_worker_nor_for_long_the_others(calls: ToolCalls) -> None:
    release = threading.Event()

    async def block() -> None:
        release.wait()

    async def quick() -> str:
        return "quick"

    longest = 0.0

    async def heartbeat() -> None:
        nonlocal longest
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - begun)

    beating = asyncio.ensure_future(heartbeat())
    with capture_logs() as logs:
        assert "did not finish" in await calls.call(made(block, timeout_seconds=0.2), {}, a_context())
    assert await calls.call(made(quick), {}, a_context()) == "quick"
    beating.cancel()
    release.set()
    assert longest < 0.5
    assert [entry["event"] for entry in logs] == ["tool.blocks_its_loop", "tool.timed_out"]


async def test_a_cancelled_job_waits_for_none_of_its_tools(calls: ToolCalls) -> None:
    release, begun, context = threading.Event(), threading.Event(), a_context()

    def hang() -> None:
        begun.set()
        release.wait()

    running = asyncio.ensure_future(calls.call(made(hang), {}, context))
    await asyncio.to_thread(begun.wait)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 1.0)
    assert context.cancelled.is_set()
    assert calls.stuck == 1
    release.set()


async def test_the_context_tells_the_tool_what_it_works_for(calls: ToolCalls) -> None:
    def tell(word: str, context: ToolContext) -> dict[str, Any]:
        return {"word": word, "key": context.idempotency_key, "of": os.getpid()}

    told = await calls.call(made(tell), {"word": "x"}, a_context(step=5))
    assert told == f'{{"word":"x","key":"job:5","of":{os.getpid()}}}'


async def test_a_function_of_ours_may_run_on_the_workers_own_loop(calls: ToolCalls) -> None:
    from workers.tools.registry import Tool

    home = asyncio.get_running_loop()

    async def where(**given: Any) -> str:
        return f"{asyncio.get_running_loop() is home} {given}"

    async def hang(**given: Any) -> str:
        await asyncio.Event().wait()
        return "never"

    given = {"type": "object"}
    ours = Tool("ours", "Ours.", given, where, is_async=True, on_worker_loop=True)
    assert await calls.call(ours, {"a": 1}, a_context()) == "True {'a': 1}"
    slow = Tool("slow", "Slow.", given, hang, is_async=True, on_worker_loop=True, timeout_seconds=0.05)
    assert "did not finish" in await calls.call(slow, {}, a_context())
