"""A reply may hold half a character, as JSON lets it; what we keep of it can be stored, told and sent back."""

import json
from typing import Any

import pytest

from tests.workers.llm.answering import answering
from tests.workers.llm.test_streaming import stream

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_.*' attribute on the instance:DeprecationWarning"),
]

LONE = "\N{REPLACEMENT CHARACTER}"


async def test_a_whole_reply_and_its_tool_calls_are_sound(litellm: Any) -> None:
    call: dict[str, Any] = {
        "id": "1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "\ud83d"}'},
    }
    message = {"role": "assistant", "content": "a \ud83d b", "tool_calls": [call]}
    body = {"id": "1", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": message}]}
    async with answering() as provider:
        provider.answer(200, json.dumps(body), {"content-type": "application/json"})
        reply = await stream(litellm, provider.url, "openai", [], "hello", streamed=False)
    assert reply.message["content"] == f"a {LONE} b"
    assert reply.message["tool_calls"][0]["function"]["arguments"] == f'{{"city": "{LONE}"}}'


@pytest.mark.parametrize("lean", [True, False])
async def test_a_character_cut_in_two_by_its_stream_is_one_again(litellm: Any, lean: bool) -> None:
    pieces = [{"content": "a \ud83d"}, {"content": "\ude00 b"}, {"content": "\ud83d"}]
    events: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in pieces
    ]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    told = [{"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", **event} for event in events]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in told) + "data: [DONE]\n\n"
    heard: list[str] = []
    async with answering() as provider:
        provider.answer(200, body, {"content-type": "text/event-stream"})
        reply = await stream(litellm, provider.url, "openai", heard, "hello", lean=lean)
    assert reply.message["content"] == "".join(heard) == f"a \N{GRINNING FACE} b{LONE}"
    assert len(heard) == 3
