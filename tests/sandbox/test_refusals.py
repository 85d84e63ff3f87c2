"""Each provider's own words for each refusal."""

import json

import httpx
import pytest

from sandbox.behaviours import Behaviour
from tests.sandbox.speakers import Speaker
from tests.sandbox_fixture import Sandbox

REFUSALS = {
    "invalid": [(401, "Incorrect API key provided"), (401, "invalid x-api-key"), (400, "API_KEY_INVALID")],
    "expired": [(401, "expired_api_key"), (401, "has expired"), (400, "API key expired")],
    "suspended": [(400, "organization_restricted"), (400, "has been disabled"), (403, "CONSUMER_SUSPENDED")],
    "permission": [(403, "insufficient permissions"), (403, "permission_error"), (403, "SERVICE_DISABLED")],
    "no_credit": [(429, "insufficient_quota"), (400, "credit balance is too low"), (429, "credits are depleted")],
    "daily_quota": [(429, "requests per day (RPD)"), (400, "regain access on"), (429, "PerDayPerProject")],
    "rate_limit": [(429, "tokens per min"), (429, "rate_limit_error"), (429, "PerMinutePerProject")],
    "overloaded": [(503, "overloaded"), (529, "overloaded_error"), (503, "UNAVAILABLE")],
    "server_error": [(500, "server_error"), (500, "api_error"), (500, "INTERNAL")],
    "model_not_found": [(404, "model_not_found"), (404, "not_found_error"), (404, "NOT_FOUND")],
    "context_window": [(400, "context_length_exceeded"), (400, "prompt is too long"), (400, "token count")],
    "content_policy": [(400, "content_policy_violation"), (400, "content filtering"), (200, "PROHIBITED_CONTENT")],
    "bad_request": [(400, "unknown_parameter"), (400, "at least one message"), (400, "Unknown name")],
}
NETWORK = {"hang", "reset", "html", "html_5xx", "empty", "die_mid_stream", "error_in_200"}
STREAMS = {"end_mid_stream", "error_mid_stream", "hang_mid_stream"}


def test_every_behaviour_is_tested_somewhere() -> None:
    assert set(Behaviour) == set(REFUSALS) | NETWORK | STREAMS | {"ok", "slow"}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("behaviour", REFUSALS)
def test_a_refusal_is_worded_as_the_provider_does(
    behaviour: str, stream: bool, sandbox: Sandbox, speaker: Speaker
) -> None:
    sandbox.control.set_key("key-1", behaviour)
    status, words = REFUSALS[behaviour][["openai", "anthropic", "gemini"].index(speaker.name)]
    response = speaker.ask("hello", stream=stream)
    assert response.status_code == status
    assert words in response.text
    assert "<<" not in response.text
    if response.headers["content-type"] == "application/json":
        assert json.loads(response.text)


def test_a_rate_limit_tells_the_scripted_wait(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "rate_limit", retry_after_seconds=90)
    response = speaker.ask("hello")
    assert response.headers["retry-after"] == "90"
    if speaker.name == "openai":
        assert "try again in 1m30s" in response.text
    if speaker.name == "gemini":
        assert '"retryDelay":"90s"' in response.text


@pytest.mark.parametrize(("name", "status"), [("openai", 401), ("anthropic", 401), ("gemini", 403)])
def test_a_request_without_a_key_gets_the_providers_own_refusal(
    name: str, status: int, sandbox: Sandbox, speaking: dict[str, Speaker]
) -> None:
    assert speaking[name].ask("hello", key="").status_code == status
    assert speaking[name].list_models(key="").status_code == status
    assert sandbox.control.calls()["behaviours"] == {"missing_key": 2}


def test_a_refusal_quotes_the_model_even_with_odd_characters(sandbox: Sandbox, speaking: dict[str, Speaker]) -> None:
    sandbox.control.set_key("key-1", "model_not_found")
    message = speaking["openai"].ask("hello", model='odd"\nname').json()["error"]["message"]
    assert 'The model `odd"\nname` does not exist' in message


def test_a_body_without_messages_is_a_bad_request(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer k"}
    for content in (b"", b"{not json", b"[]", b'{"model": "m", "messages": "none"}'):
        response = httpx.post(f"{sandbox.url}/openai/v1/chat/completions", content=content, headers=headers)
        assert response.status_code == 400


def test_listing_models_proves_the_key_and_nothing_more(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("broke", "no_credit", times=1)
    sandbox.control.set_key("dead", "invalid")
    assert speaker.list_models(key="broke").status_code == 200
    assert speaker.ask("hi", key="broke").status_code != 200
    assert speaker.ask("hi", key="broke").status_code == 200
    assert speaker.list_models(key="dead").status_code in (400, 401)
