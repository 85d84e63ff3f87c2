"""Which request tests a key of which provider, and what its answer proves."""

import json

import pytest

from shared.config.catalogue import KNOWN_PROVIDERS
from shared.probing import Outcome, listing_of, question, read_answer
from shared.secret import Secret
from tests.shared.classification.cases import NOW

KEY = Secret("a-key-that-is-tested-0001")


@pytest.mark.parametrize(
    ("kind", "base", "url", "header"),
    [
        ("openai", None, "https://api.openai.com/v1/models", "authorization"),
        ("hosted_vllm", "http://10.0.0.5:8000/v1/", "http://10.0.0.5:8000/v1/models", "authorization"),
        ("anthropic", None, "https://api.anthropic.com/v1/models", "x-api-key"),
        ("anthropic", "https://gate.example/v1", "https://gate.example/v1/models", "x-api-key"),
        ("gemini", None, "https://generativelanguage.googleapis.com/v1beta/models", "x-goog-api-key"),
        ("openrouter", None, "https://openrouter.ai/api/v1/key", "authorization"),
        ("cohere_chat", "https://api.cohere.com/v2/chat", "https://api.cohere.com/v1/models", "authorization"),
        ("ollama_chat", None, "http://127.0.0.1:11434/api/tags", "authorization"),
    ],
)
def test_the_question_of_a_kind(kind: str, base: str | None, url: str, header: str) -> None:
    asked = question(kind, base, KEY)

    assert asked is not None
    assert asked.url == url
    assert KEY.reveal() in asked.headers[header]
    assert KEY.reveal() not in asked.url


def test_without_a_key_none_is_sent() -> None:
    asked = question("ollama_chat", None, None)

    assert asked is not None
    assert "authorization" not in asked.headers


def test_every_known_provider_has_a_question_or_says_that_it_has_none() -> None:
    for known in KNOWN_PROVIDERS.values():
        listing = listing_of(known.kind)
        assert listing.base is not None or listing.path is None, known.name


@pytest.mark.parametrize(
    ("kind", "status", "body", "outcome"),
    [
        ("openai", 200, {"data": [{"id": "a"}]}, Outcome.OK),
        ("together_ai", 200, [{"id": "a"}], Outcome.OK),
        ("openrouter", 200, {"data": {"label": "sk-or", "limit": None}}, Outcome.OK),
        ("openai", 403, {"error": {"message": "Missing scopes: api.model.read"}}, Outcome.OK),
        ("nvidia_nim", 200, {"data": [{"id": "a"}]}, Outcome.UNTESTED),
        ("openai", 404, "", Outcome.UNTESTED),
        ("openai", 200, "<html><title>Sign in</title></html>", Outcome.FAILED),
        ("openai", 200, {"error": {"message": "Invalid API key", "code": 401}}, Outcome.FAILED),
        ("openai", 401, {"error": {"message": "Incorrect API key provided"}}, Outcome.FAILED),
        ("openai", 403, {"error": {"code": "unsupported_country_region_territory"}}, Outcome.FAILED),
        ("openai", 302, "", Outcome.FAILED),
    ],
)
def test_what_an_answer_proves(kind: str, status: int, body: object, outcome: Outcome) -> None:
    text = body if isinstance(body, str) else json.dumps(body)

    assert read_answer(kind, status, {}, text, now=NOW).outcome is outcome
