"""Servers at home: Ollama in its own format, and anything that speaks OpenAI's, with and without a key."""

import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.classification import Cause, Scope, Verdict, classify
from shared.secret import Secret
from tests.shared.classification.cases import NOW
from tests.workers.llm.answering import Provider, answering
from workers.llm.call import CallFailed, LlmCalls
from workers.llm.reply import Reply

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

ANSWER = {
    "model": "llama3.2",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": "Aye."},
    "done_reason": "stop",
    "done": True,
    "prompt_eval_count": 5,
    "eval_count": 3,
}
COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Aye."}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[Provider]:
    async with answering() as found:
        yield found


async def _ask(litellm: Any, base: str, *, kind: str = "ollama_chat", secret: Secret | None = None) -> Reply:
    return await LlmCalls(litellm, lean=True).call(
        kind=kind,
        remote_name="llama3.2",
        api_base=base,
        secret=secret,
        messages=[{"role": "user", "content": "Ahoy?"}],
        parameters={},
        timeout_seconds=5.0,
    )


async def _refused(litellm: Any, base: str, *, kind: str = "ollama_chat") -> Verdict:
    with pytest.raises(CallFailed) as failed:
        await _ask(litellm, base, kind=kind)
    return classify(failed.value.failure, NOW)


async def test_ollama_answers_in_its_own_format(litellm: Any, server: Provider) -> None:
    server.answer(200, json.dumps(ANSWER), {"content-type": "application/json; charset=utf-8"})

    reply = await _ask(litellm, server.url)

    assert reply == Reply({"role": "assistant", "content": "Aye."}, "stop", 5, 3)
    assert [asked.path for asked in server.asked] == ["/api/chat"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ollama_chat", {"error": 'model "llama3.2" not found, try pulling it first'}),
        ("ollama_chat", {"error": "model 'llama3.2' not found"}),
        ("openai", {"error": {"message": 'model "llama3.2" not found, try pulling it first', "type": "api_error"}}),
    ],
)
async def test_a_model_that_was_never_pulled_is_told_with_the_command_that_gets_it(
    kind: str, body: object, litellm: Any, server: Provider
) -> None:
    server.answer(404, json.dumps(body))

    verdict = await _refused(litellm, server.url, kind=kind)

    assert (verdict.cause, verdict.scope) == (Cause.MODEL_NOT_FOUND, Scope.PROVIDER_MODEL)
    assert "`ollama pull llama3.2`" in verdict.advice


@pytest.mark.parametrize("kind", ["ollama_chat", "openai"])
async def test_a_server_that_is_not_there_is_told_with_its_address(kind: str, litellm: Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{nobody.getsockname()[1]}"

    verdict = await _refused(litellm, base, kind=kind)

    assert (verdict.cause, verdict.scope) == (Cause.NETWORK, Scope.PROVIDER)
    assert base in verdict.advice


@pytest.mark.parametrize("kind", ["openai", "hosted_vllm"])
@pytest.mark.parametrize("secret", [None, Secret("the-key-of-our-own-server")], ids=["no key", "a key"])
async def test_any_server_that_speaks_openais_format_answers(
    kind: str, secret: Secret | None, litellm: Any, server: Provider
) -> None:
    server.answer(200, json.dumps(COMPLETION), {"content-type": "application/json"})

    reply = await _ask(litellm, server.url + "/v1", kind=kind, secret=secret)

    assert reply.message["content"] == "Aye."
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert ("the-key-of-our-own-server" in asked.headers["Authorization"]) == (secret is not None)
