"""Between the look at the lease and the first byte a process may be stopped for long: the request asks once more."""

import asyncio
from typing import Any

import pytest

from shared.secret import Secret
from tests.sandbox_fixture import Sandbox
from workers.llm.call import LlmCalls

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Gate:
    """Closed until `opened` is set."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.asked = asyncio.Event()

    @property
    def open(self) -> bool:
        return self.opened.is_set()

    async def wait(self) -> None:
        self.asked.set()
        await self.opened.wait()


def begun(litellm: Any, sandbox: Sandbox, gate: Gate) -> "asyncio.Task[Any]":
    """A call on its way."""
    calls = LlmCalls(litellm, lean=True, gate=gate)
    return asyncio.ensure_future(
        calls.call(
            kind="openai",
            remote_name="some-model",
            api_base=f"{sandbox.url}/openai/v1",
            secret=Secret("gate-secret-key-0001"),
            messages=[{"role": "user", "content": "hello"}],
            parameters={},
            timeout_seconds=20.0,
        )
    )


async def test_nothing_leaves_while_it_is_closed_and_all_goes_on_once_it_opens(
    litellm: Any, sandbox: Sandbox
) -> None:
    gate = Gate()
    call = begun(litellm, sandbox, gate)
    await asyncio.wait_for(gate.asked.wait(), 10)
    assert sandbox.control.calls()["total"] == 0

    gate.opened.set()
    assert "hello" in (await call).message["content"]
    assert sandbox.control.calls()["total"] == 1


async def test_a_zombie_that_is_cancelled_while_it_waits_has_sent_nothing(litellm: Any, sandbox: Sandbox) -> None:
    gate = Gate()
    call = begun(litellm, sandbox, gate)
    await asyncio.wait_for(gate.asked.wait(), 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.opened.set()
    await asyncio.sleep(0)
    assert sandbox.control.calls()["total"] == 0
