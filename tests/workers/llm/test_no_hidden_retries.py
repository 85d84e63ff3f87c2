"""No library below us repeats a request, whatever provider kind and whatever goes wrong."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from openai import APIError, AsyncOpenAI

from shared.secret import Secret
from tests.workers.llm.answering import Provider, answering
from workers.llm.call import CallFailed, LlmCalls
from workers.llm.exchange import begin_exchange, end_exchange

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

_OPENAI_LIKE = [
    "openai",
    "azure",
    "groq",
    "mistral",
    "deepseek",
    "openrouter",
    "together_ai",
    "fireworks_ai",
    "perplexity",
    "xai",
    "cerebras",
    "nvidia_nim",
    "zai",
    "sambanova",
    "deepinfra",
    "hyperbolic",
    "nscale",
    "featherless_ai",
    "inception",
    "codestral",
    "ai21_chat",
    "baseten",
    "v0",
    "morph",
    "moonshot",
    "dashscope",
    "novita",
    "nebius",
    "hosted_vllm",
    "lm_studio",
    "llamafile",
    "litellm_proxy",
    "databricks",
    "meta_llama",
    "volcengine",
    "github",
    "friendliai",
]
_KINDS = [*_OPENAI_LIKE, "anthropic", "gemini", "ollama_chat", "bedrock_mantle", "cloudflare", "huggingface"]
_REFUSAL = json.dumps({"error": {"message": "no", "type": "server_error", "code": "x"}})


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[Provider]:
    async with answering() as found:
        yield found


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("how", ["429", "500", "503", "reset"])
async def test_one_attempt_is_one_request(kind: str, how: str, litellm: Any, provider: Provider) -> None:
    if how == "reset":
        provider.misbehave("reset")
    else:
        provider.answer(int(how), _REFUSAL, {"retry-after": "1"})

    with pytest.raises(CallFailed) as failed:
        await LlmCalls(litellm, lean=True).call(
            kind=kind,
            remote_name="some-model",
            api_base=provider.url + "/v1",
            secret=Secret("a-key-that-is-counted-0001"),
            messages=[{"role": "user", "content": "hello"}],
            parameters={},
            timeout_seconds=10.0,
        )

    assert len(provider.asked) == 1
    assert failed.value.failure.kind == ("network" if how == "reset" else "http")


async def test_a_library_that_repeats_is_stopped_before_its_second_request(provider: Provider, litellm: Any) -> None:
    provider.answer(500, _REFUSAL, {"retry-after-ms": "1"})
    async with AsyncOpenAI(api_key="k", base_url=provider.url + "/v1", max_retries=2) as client:
        exchange = begin_exchange()
        with pytest.raises(APIError):
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
        end_exchange()

    assert len(provider.asked) == 1
    assert exchange.answer() is not None
    assert litellm is not None


async def test_outside_of_a_call_nothing_is_refused(provider: Provider) -> None:
    provider.answer(200, "{}")
    async with httpx.AsyncClient() as client:
        await client.get(provider.url)
        await client.get(provider.url)

    assert len(provider.asked) == 2
