"""litellm's private logging class may be replaced by ours: nothing that we use changes.

When a new litellm breaks this, switch with WATCHKEEPER_LEAN_LITELLM=off until `workers/llm/lean.py` is mended.
"""

from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from openai import NOT_GIVEN, omit
from openai.resources.chat.completions import completions
from openai.types.chat import completion_create_params

from shared.secret import Secret
from tests.configured import MODELS, PATHS
from tests.sandbox_fixture import Sandbox
from workers.llm.call import CallFailed, LlmCalls
from workers.llm.lean import plain_bodies
from workers.llm.reply import Reply

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
_OF_THIS_REQUEST = {"request-id", "x-request-id", "date", "content-length"}


async def ask(litellm: Any, sandbox: Sandbox, kind: str, *, lean: bool, text: str, tools: bool = False) -> Reply:
    """One call with or without litellm's own logging work."""
    return await LlmCalls(litellm, lean=lean).call(
        kind=kind,
        remote_name=MODELS[kind],
        api_base=sandbox.url + PATHS[kind],
        secret=Secret("lean-contract-key-0001"),
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        parameters={"tools": TOOLS, "temperature": 0.5, "max_tokens": 50} if tools else {"max_tokens": 50},
        timeout_seconds=5.0,
    )


def without_ids(reply: Reply) -> Reply:
    """A reply without the ids that the provider gives its tool calls."""
    calls = [{**call, "id": "x"} for call in reply.message.get("tool_calls", [])]
    return replace(reply, message={**reply.message, "tool_calls": calls})


@pytest.mark.parametrize("kind", PATHS)
async def test_a_plain_answer_is_the_same_either_way(kind: str, litellm: Any, sandbox: Sandbox) -> None:
    lean = await ask(litellm, sandbox, kind, lean=True, text="hello")
    full = await ask(litellm, sandbox, kind, lean=False, text="hello")
    assert lean == full
    assert lean.finish_reason == "stop"
    assert lean.input_tokens
    assert lean.output_tokens


@pytest.mark.parametrize("kind", PATHS)
async def test_a_tool_call_is_the_same_either_way(kind: str, litellm: Any, sandbox: Sandbox) -> None:
    lean = await ask(litellm, sandbox, kind, lean=True, text="go [[tools=1]]", tools=True)
    full = await ask(litellm, sandbox, kind, lean=False, text="go [[tools=1]]", tools=True)
    assert without_ids(lean) == without_ids(full)
    (call,) = lean.message["tool_calls"]
    assert call["id"]
    assert call["function"]["name"] == "weather"
    assert lean.input_tokens


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("behaviour", ["invalid", "rate_limit", "server_error", "reset", "html", "bad_request"])
async def test_a_failure_is_captured_the_same_either_way(
    kind: str, behaviour: str, litellm: Any, sandbox: Sandbox
) -> None:
    sandbox.control.set_default(behaviour)
    seen = []
    for lean in (True, False):
        with pytest.raises(CallFailed) as failed:
            await ask(litellm, sandbox, kind, lean=lean, text="hello")
        failure = failed.value.failure
        headers = {name for name in failure.headers if name not in _OF_THIS_REQUEST}
        seen.append((failure.kind, failure.status, headers, failure.local_error, len(failure.body) > 0))
    assert seen[0] == seen[1]


async def test_litellm_is_the_version_this_was_written_for() -> None:
    assert version("litellm") == "1.106.2"


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
CALLED = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bonn"}'}}
BODY = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "what is this?"}, PICTURE], "name": "eve"},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ],
    "tools": TOOLS,
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "temperature": 0.5,
    "stream": True,
    "stream_options": {"include_usage": True},
    "unknown_to_the_sdk": {"a": [1]},
}


async def test_a_body_that_passes_plainly_is_the_one_the_sdk_would_have_made() -> None:
    LlmCalls(SimpleNamespace(), lean=True)
    given = {**BODY, "seed": NOT_GIVEN, "user": omit}
    hints = completion_create_params.CompletionCreateParamsStreaming
    made = []
    for plain in (True, False):
        plain_bodies(plain)
        made.append(await completions.async_maybe_transform(given, hints))
    assert made == [BODY, BODY]


async def test_switched_off_the_sdk_makes_every_body_itself(
    litellm: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    async def noted(data: Any, hints: Any) -> Any:
        seen.append(hints)
        return data

    monkeypatch.setattr(completions, "async_maybe_transform", noted)
    LlmCalls(litellm, lean=True)  # another one, in the same process
    await ask(litellm, sandbox, "openai", lean=False, text="hello")
    assert len(seen) == 1
    await ask(litellm, sandbox, "openai", lean=True, text="hello")
    assert len(seen) == 1
