"""Recorded answers sent over real HTTP through the real litellm: nothing of them is lost, and each is asked for once.

What a worker captures must mean the same as the recorded answer itself.
"""

import socket
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.classification import Failure, classify
from shared.secret import Secret
from tests.shared.classification.cases import NOW, rows
from tests.workers.llm.answering import Provider, answering
from workers.llm.call import CallFailed, LlmCalls

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

KEY = "sk-replayed-secret-key-0001"
RECORDED = rows("provider_errors.jsonl")
VARIANTS = [{"kind": "http", "model": "", **row} for row in rows("variants.jsonl")]

_PATHS = {"gemini": "/v1beta", "anthropic": "", "azure": "", "bedrock": "", "cohere_chat": "/v2/chat"}
_MODELS = {"bedrock": "anthropic.claude-3-5-sonnet-20240620-v1:0"}  # its wire format goes by the model
_NO_GOOGLE = "litellm's Vertex AI needs Google's own library for credentials, which is not installed here"
_NO_KEY = "a candidate without a credential is never asked"
NOT_REPLAYED = {
    "replicate": "litellm asks api.replicate.com whatever base address is given",
    "vertex_ai": _NO_GOOGLE,
    "vertex_ai_beta": _NO_GOOGLE,
    "nokey": _NO_KEY,
    "no_key": _NO_KEY,
    "local": "no request is made",
}
"""By provider or kind of row: why it cannot go over the wire."""


def _replayed(found: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in found if NOT_REPLAYED.keys().isdisjoint(_marks(row))]


def _marks(row: dict[str, Any]) -> set[str]:
    return {row["provider"], row["kind"], row["model"].split("/")[0]}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def provider(litellm: Any) -> AsyncIterator[Provider]:
    """One provider for all rows; each wire format's modules are loaded, as they are in a worker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydantic, while it builds litellm's classes
        await LlmCalls(litellm, lean=True).warm_up({"cohere", "cohere_chat", "ollama"})
    async with answering() as found:
        yield found


async def _failure_of(row: dict[str, Any], litellm: Any, provider: Provider, *, lean: bool = True) -> Failure:
    """What a worker captures when the provider answers with `row`."""
    recorded = Failure.from_row(row)
    usual = f"{recorded.provider}/{_MODELS.get(recorded.provider, 'some-model')}"
    kind, _, model = (recorded.model or usual).partition("/")
    base = provider.url + _PATHS.get(kind, "/v1")
    match row["kind"]:
        case "http":
            provider.answer(row["status"], recorded.body, recorded.headers)
        case "refused":
            provider.asked.clear()
            base = f"http://127.0.0.1:{_closed_port()}/v1"
        case how:
            provider.misbehave(how)
    with pytest.raises(CallFailed) as failed:
        await LlmCalls(litellm, lean=lean).call(
            kind=kind,
            remote_name=model,
            api_base=base,
            secret=Secret(KEY),
            messages=[{"role": "user", "content": "hello"}],
            parameters={},
            timeout_seconds=0.5 if row["kind"] == "hang" else 10.0,
        )
    assert failed.value.__context__ is None, "litellm's error holds the key and the request"
    return failed.value.failure


def _closed_port() -> int:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


@pytest.mark.parametrize("row", _replayed(RECORDED) + _replayed(VARIANTS))
async def test_what_is_captured_means_what_was_answered(
    row: dict[str, Any], litellm: Any, provider: Provider
) -> None:
    recorded = Failure.from_row(row)

    captured = await _failure_of(row, litellm, provider)

    assert len(provider.asked) == (0 if row["kind"] == "refused" else 1), captured
    assert (captured.kind, captured.status, captured.body) == (recorded.kind, recorded.status, recorded.body)
    assert {name.lower() for name in recorded.headers} <= {name.lower() for name in captured.headers}
    assert KEY not in captured.local_error
    meant, found = classify(recorded, NOW), classify(captured, NOW)
    assert (found.cause, found.scope, found.confidence) == (meant.cause, meant.scope, meant.confidence)
    assert found.until == meant.until


@pytest.mark.parametrize(
    "row", [row for row in _replayed(RECORDED) if row.values[0]["status"] in (200, 401, 429, 500)][::3]
)
async def test_it_is_the_same_with_litellms_own_logging(
    row: dict[str, Any], litellm: Any, provider: Provider
) -> None:
    lean = await _failure_of(row, litellm, provider)
    full = await _failure_of(row, litellm, provider, lean=False)

    assert (full.kind, full.status, full.body) == (lean.kind, lean.status, lean.body)
    assert len(provider.asked) == 1


async def test_what_is_not_replayed_is_little_and_has_a_reason() -> None:
    left_out = [row["id"] for row in RECORDED if not NOT_REPLAYED.keys().isdisjoint(_marks(row))]

    assert all(NOT_REPLAYED.values())
    assert len(left_out) <= 10
