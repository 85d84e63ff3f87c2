"""A streamed call: the same answer as a plain one, one request, and the truth about how it broke."""

import asyncio
import json
import os
from dataclasses import replace
from typing import Any

import psutil
import pytest

from shared.classification import Cause, classify
from shared.clock import SystemClock, moment
from shared.secret import Secret
from tests.configured import MODELS, PATHS
from tests.sandbox_fixture import Sandbox
from tests.workers.llm.answering import answering
from tests.workers.llm.test_lean_contract import TOOLS
from workers.llm.call import CallFailed, LlmCalls
from workers.llm.reply import Reply

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
    # litellm's own, when it is not lean:
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_.*' attribute on the instance:DeprecationWarning"),
]

KEY = "streaming-secret-key-0001"


async def stream(litellm: Any, url: str, kind: str, heard: list[str], text: str, **options: Any) -> Reply:
    """One streamed call in the wire format `kind`; `heard` collects the pieces. None asks for it whole."""
    return await LlmCalls(litellm, lean=options.get("lean", True)).call(
        kind=kind,
        remote_name=MODELS.get(kind, "some-model"),
        api_base=url + PATHS.get(kind, "/v1"),
        secret=Secret(KEY),
        messages=[{"role": "user", "content": text}],
        parameters={"tools": options["tools"]} if "tools" in options else {},
        timeout_seconds=options.get("timeout_seconds", 5.0),
        on_text=heard.append if options.get("streamed", True) else None,
    )


@pytest.mark.parametrize("lean", [True, False])
@pytest.mark.parametrize("kind", PATHS)
async def test_a_streamed_answer_is_the_plain_one_in_pieces(
    kind: str, lean: bool, litellm: Any, sandbox: Sandbox
) -> None:
    # Mistral counts tokens in every stream, but the sandbox only for those who ask, and litellm does not ask it.
    heard: list[str] = []
    streamed = await stream(litellm, sandbox.url, kind, heard, "hello [[tokens=30]]", lean=lean)
    assert sandbox.control.calls()["total"] == 1
    plain = await stream(litellm, sandbox.url, kind, [], "hello [[tokens=30]]", streamed=False)
    assert len(heard) == 30
    assert "".join(heard) == streamed.message["content"]
    assert streamed == (plain if kind != "mistral" else replace(plain, input_tokens=None, output_tokens=None))
    assert plain.output_tokens == 30
    assert streamed.request_id.startswith("req_")
    assert plain.request_id.startswith("req_")


@pytest.mark.parametrize("kind", PATHS)
async def test_a_streamed_tool_call_is_put_together(kind: str, litellm: Any, sandbox: Sandbox) -> None:
    heard: list[str] = []
    streamed = await stream(litellm, sandbox.url, kind, heard, "go [[tools=1]]", tools=TOOLS)
    plain = await stream(litellm, sandbox.url, kind, heard, "go [[tools=1]]", tools=TOOLS, streamed=False)
    assert heard == []
    assert streamed.finish_reason == plain.finish_reason == "tool_calls"
    assert streamed.message["content"] == plain.message["content"]
    (one,), (other,) = streamed.message["tool_calls"], plain.message["tool_calls"]
    assert one["id"]
    assert one["function"]["name"] == other["function"]["name"]
    assert json.loads(one["function"]["arguments"]) == json.loads(other["function"]["arguments"])


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize(
    ("behaviour", "cause", "words"),
    [
        ("invalid", Cause.AUTH_INVALID, False),
        ("rate_limit", Cause.RATE_LIMIT_SHORT, False),
        ("overloaded", Cause.OVERLOADED, False),
        ("reset", Cause.NETWORK, False),
        ("error_in_200", Cause.OVERLOADED, False),
        ("empty", None, False),
        ("die_mid_stream", Cause.NETWORK, True),
        ("end_mid_stream", Cause.NETWORK, True),
        ("error_mid_stream", Cause.OVERLOADED, True),
        ("hang_mid_stream", Cause.TIMEOUT, True),
    ],
)
async def test_a_broken_stream_is_one_request_and_tells_its_cause(
    kind: str, behaviour: str, cause: Cause | None, words: bool, litellm: Any, sandbox: Sandbox
) -> None:
    sandbox.control.set_default(behaviour)
    heard: list[str] = []
    with pytest.raises(CallFailed) as failed:
        await stream(litellm, sandbox.url, kind, heard, "hello [[tokens=20]]", timeout_seconds=0.5)
    verdict = classify(failed.value.failure, moment(SystemClock().now_ms()))
    assert cause is None or verdict.cause is cause, failed.value.failure
    assert bool(heard) is words
    assert sandbox.control.calls()["total"] == 1
    assert failed.value.failure.streamed
    assert KEY not in str(failed.value.failure)
    assert failed.value.__context__ is None
    if behaviour not in ("reset",):
        assert failed.value.request_id.startswith("req_")


async def test_a_stream_without_usage_leaves_the_counts_unknown(litellm: Any) -> None:
    chunks = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    heard: list[str] = []
    async with answering() as provider:
        provider.answer(200, _events(chunks), {"content-type": "text/event-stream"})
        reply = await stream(litellm, provider.url, "openai", heard, "hello")
    assert (reply.message["content"], reply.input_tokens, reply.output_tokens) == ("hi", None, None)


async def test_an_error_of_a_gateway_among_the_tokens_is_not_an_answer(litellm: Any) -> None:
    error = {"error": {"code": 502, "message": "Provider disconnected"}}
    chunks = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "half an"}, "finish_reason": None}]},
        {**error, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]},
    ]
    heard: list[str] = []
    async with answering() as provider:
        provider.answer(200, _events(chunks), {"content-type": "text/event-stream"})
        with pytest.raises(CallFailed) as failed:
            await stream(litellm, provider.url, "openrouter", heard, "hello")
    assert heard == ["half an"]
    assert classify(failed.value.failure, moment(SystemClock().now_ms())).cause is Cause.OVERLOADED


async def test_two_tool_calls_with_the_same_index_stay_two(litellm: Any) -> None:
    def call(id: str, arguments: str) -> dict[str, Any]:
        function = {"name": "weather", "arguments": arguments}
        return {"index": 0, "id": id, "type": "function", "function": function}

    chunks = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [call("one", '{"city":"Rome"}')]}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [call("two", '{"city":"Oslo"}')]}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    ]
    async with answering() as provider:
        provider.answer(200, _events(chunks), {"content-type": "text/event-stream"})
        reply = await stream(litellm, provider.url, "openai", [], "hello", tools=TOOLS)
    assert [(call["id"], call["function"]["arguments"]) for call in reply.message["tool_calls"]] == [
        ("one", '{"city":"Rome"}'),
        ("two", '{"city":"Oslo"}'),
    ]


@pytest.mark.parametrize("kind", PATHS)
async def test_a_call_cancelled_in_the_middle_leaves_no_connection_open(
    kind: str, litellm: Any, sandbox: Sandbox
) -> None:
    before = _connections(sandbox)
    sandbox.control.set_default("hang_mid_stream")
    begun = asyncio.Event()
    calls = LlmCalls(litellm, lean=True)
    task = asyncio.create_task(
        calls.call(
            kind=kind,
            remote_name=MODELS.get(kind, "some-model"),
            api_base=sandbox.url + PATHS.get(kind, "/v1"),
            secret=Secret(KEY),
            messages=[{"role": "user", "content": "hello"}],
            parameters={},
            timeout_seconds=30.0,
            on_text=lambda _: begun.set(),
        )
    )
    await asyncio.wait_for(begun.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while _connections(sandbox) - before:
            await asyncio.sleep(0.01)


def _connections(sandbox: Sandbox) -> set[int]:
    """Local ports of this process's connections to the sandbox."""
    port = int(sandbox.url.rsplit(":", 1)[1])
    open_ones = psutil.Process(os.getpid()).net_connections("tcp")
    return {one.laddr.port for one in open_ones if one.raddr and one.raddr.port == port and one.status != "TIME_WAIT"}


def _events(chunks: list[dict[str, Any]]) -> str:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return "".join(f"data: {json.dumps(head | chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
