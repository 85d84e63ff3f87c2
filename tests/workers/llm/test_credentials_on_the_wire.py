"""The key that is sent is the candidate's own, and it is seen nowhere afterwards."""

import json
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.secret import Secret
from tests.workers.llm.answering import Provider, answering
from workers.llm.call import CallFailed, LlmCalls

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

KEY = "a-key-without-any-known-shape-0001"
AMBIENT = "ambient-key-of-somebody-else-0002"
_VARIABLES = {
    "openai": ("OPENAI_API_KEY", "/v1"),
    "groq": ("GROQ_API_KEY", "/v1"),
    "mistral": ("MISTRAL_API_KEY", "/v1"),
    "deepseek": ("DEEPSEEK_API_KEY", "/v1"),
    "openrouter": ("OPENROUTER_API_KEY", "/v1"),
    "together_ai": ("TOGETHERAI_API_KEY", "/v1"),
    "fireworks_ai": ("FIREWORKS_API_KEY", "/v1"),
    "perplexity": ("PERPLEXITYAI_API_KEY", "/v1"),
    "xai": ("XAI_API_KEY", "/v1"),
    "cerebras": ("CEREBRAS_API_KEY", "/v1"),
    "nvidia_nim": ("NVIDIA_NIM_API_KEY", "/v1"),
    "zai": ("ZAI_API_KEY", "/v1"),
    "hosted_vllm": ("HOSTED_VLLM_API_KEY", "/v1"),
    "azure": ("AZURE_API_KEY", ""),
    "anthropic": ("ANTHROPIC_API_KEY", ""),
    "gemini": ("GEMINI_API_KEY", "/v1beta"),
    "ollama_chat": ("OLLAMA_API_KEY", ""),
    "bedrock": ("AWS_BEARER_TOKEN_BEDROCK", ""),
}
_BEDROCK_MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[Provider]:
    """Refuses everybody, and repeats the key it was shown."""
    async with answering() as found:
        found.answer(401, json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}."}}))
        yield found


async def _fail(litellm: Any, provider: Provider, kind: str, secret: Secret | None) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await LlmCalls(litellm, lean=True).call(
            kind=kind,
            remote_name=_BEDROCK_MODEL if kind == "bedrock" else "some-model",
            api_base=provider.url + _VARIABLES[kind][1],
            secret=secret,
            messages=[{"role": "user", "content": "hello"}],
            parameters={},
            timeout_seconds=10.0,
        )
    return failed.value


@pytest.mark.parametrize("kind", _VARIABLES)
@pytest.mark.parametrize("secret", [Secret(KEY), None], ids=["own key", "no credential"])
async def test_a_key_of_the_environment_is_never_sent(
    kind: str, secret: Secret | None, litellm: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_VARIABLES[kind][0], AMBIENT)

    await _fail(litellm, provider, kind, secret)

    (asked,) = provider.asked
    sent = json.dumps([asked.path, dict(asked.headers)])
    assert AMBIENT not in sent
    assert (KEY in sent) == (secret is not None)


@pytest.mark.parametrize("kind", _VARIABLES)
async def test_the_key_appears_in_nothing_that_is_left_of_a_failure(
    kind: str, litellm: Any, provider: Provider
) -> None:
    error = await _fail(litellm, provider, kind, Secret(KEY))

    assert error.failure.status == 401
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format(chain=True))
    assert KEY not in told + str(error) + repr(error) + repr(error.failure)
    assert error.__context__ is None
    assert error.__cause__ is None
