"""litellm as workers call it understands the sandbox: text, streams, tool calls and refusals."""

import json
import os
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.sandbox.speakers import TOOLS, WEATHER_ARGUMENTS
from tests.sandbox_fixture import Sandbox

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),  # litellm keeps a client per event loop: one loop, one set to close
    pytest.mark.filterwarnings(
        # Pydantic says this once per TypedDict, when litellm first builds one of its own models.
        "ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly` qualifier:UserWarning",
        # litellm's stream handler walks the attributes of a chunk, deprecated ones too.
        "ignore:Accessing the 'model_(computed_)?fields' attribute on the instance is deprecated:DeprecationWarning",
    ),
]

MODELS = {
    "openai/gpt-4o-mini": "/openai/v1",
    "anthropic/claude-haiku-4-5-20251001": "/anthropic",
    "gemini/gemini-2.5-flash": "/gemini/v1beta",
    "groq/llama-3.3-70b-versatile": "/v1",
}
OFFERED = [{"type": "function", "function": {"name": n, "description": n, "parameters": s}} for n, s in TOOLS.items()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def litellm() -> AsyncIterator[Any]:
    """litellm, imported once (it takes seconds) and kept from downloading anything."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm

    litellm.disable_hf_tokenizer_download = True
    yield litellm
    await litellm.close_litellm_async_clients()
    await litellm.module_level_aclient.close()  # of streamed calls to Anthropic: it is in no cache
    litellm.in_memory_llm_clients_cache.flush_cache()


@dataclass(frozen=True, slots=True)
class Caller:
    litellm: Any
    url: str
    model: str

    async def __call__(self, messages: list[dict[str, Any]], **options: Any) -> Any:
        return await self.litellm.acompletion(
            model=self.model,
            messages=messages,
            api_key="sk-sandbox-contract",
            api_base=self.url + MODELS[self.model],
            max_retries=0,
            num_retries=0,
            timeout=10,
            _skip_mcp_handler=True,  # else a call with tools imports mcp, which is not installed
            **options,
        )


@pytest.fixture(params=MODELS)
def call(request: pytest.FixtureRequest, litellm: Any, sandbox: Sandbox) -> Caller:
    return Caller(litellm, sandbox.url, request.param)


async def test_an_answer_arrives_with_text_history_and_usage(call: Caller, sandbox: Sandbox) -> None:
    history = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    answer = await call(history)
    assert 'You said: "three". Earlier turns in this conversation: 2.' in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0
    assert sandbox.control.key_total("sk-sandbox-contract") == 1


async def test_a_stream_arrives_piece_by_piece_with_usage(call: Caller) -> None:
    stream = await call([{"role": "user", "content": "hello"}], stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert 'You said: "hello".' in "".join(pieces)
    assert len([piece for piece in pieces if piece]) > 3
    assert any(getattr(chunk, "usage", None) and chunk.usage.completion_tokens > 0 for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_tool_calls_arrive_and_their_results_go_back(call: Caller, stream: bool) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "go [[tools=2]]"}]
    called = []
    for number in range(2):
        message = await ask(call, messages, stream=stream)
        (tool,) = message.tool_calls
        called.append((tool.function.name, json.loads(tool.function.arguments)))
        messages.append(message.model_dump(exclude_none=True))
        messages.append({"role": "tool", "tool_call_id": tool.id, "content": f"result {number}"})
    assert called == [("weather", WEATHER_ARGUMENTS), ("clock", {})]
    text = (await ask(call, messages, stream=stream)).content
    assert "Tool results: 2" in text
    assert "result 1" in text


async def ask(call: Caller, messages: list[dict[str, Any]], *, stream: bool) -> Any:
    if not stream:
        return (await call(messages, tools=OFFERED)).choices[0].message
    chunks = [chunk async for chunk in await call(messages, tools=OFFERED, stream=True)]
    return call.litellm.stream_chunk_builder(chunks, messages=messages).choices[0].message


@pytest.mark.parametrize("behaviour", ["invalid", "rate_limit", "overloaded"])
async def test_a_refusal_is_one_request_and_one_exception(behaviour: str, call: Caller, sandbox: Sandbox) -> None:
    sandbox.control.set_default(behaviour)
    with pytest.raises(Exception, match="litellm"):
        await call([{"role": "user", "content": "hello"}])
    assert sandbox.control.calls()["behaviours"] == {behaviour: 1}


async def test_embeddings_arrive(litellm: Any, sandbox: Sandbox) -> None:
    answer = await litellm.aembedding(
        model="openai/text-embedding-3-small",
        input=["a", "b"],
        api_key="sk-sandbox",
        api_base=f"{sandbox.url}/openai/v1",
        max_retries=0,
        timeout=10,
    )
    assert len(answer.data) == 2
    assert len(answer.data[0]["embedding"]) == 16
