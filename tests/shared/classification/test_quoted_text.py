"""Words that a provider only repeats never set a key aside."""

import json
from typing import Any

import pytest

from shared.classification import Cause, Failure, classify
from shared.classification.body import read_body
from tests.shared.classification.cases import NOW, PUNISHING, answer, rows, said

TEXTS = sorted(
    {
        read_body(row["body"]).messages[0]
        for row in rows("provider_errors.jsonl")
        + [row | {"body": json.dumps(row["body"])} for row in rows("variants.jsonl")]
        if row["status"]
        and classify(Failure.from_row({"kind": "http", "model": "", "headers": {}} | row), NOW).scope in PUNISHING
        and read_body(row["body"]).messages
    }
)
QUOTED = {
    "double": 'Invalid value for messages[0].content: "{text}".',
    "double with quotes inside": 'Cannot parse "he said "{text}" to me" here.',
    "single": "Invalid value: '{text}'. Expected an object.",
    "backticks": "Unexpected input `{text}` at position 4.",
    "typographic": "Unexpected input “{text}” at position 4.",
    "never closed": 'Unexpected input "{text}',
    "labelled": "Could not read the request. Input: {text}",
    "labelled prompt": "Could not read the request; prompt = {text}",
    "in mid-sentence": "Line 3 of the upload holds {text}",
}
PLACES = {
    "failed generation": {
        "error": {"message": "Failed to call a function.", "code": "tool_use_failed", "failed_generation": "{text}"}
    },
    "validation input": {
        "detail": [{"type": "missing", "loc": ["body", "{text}"], "msg": "Field required", "input": "{text}"}]
    },
    "request echo": {
        "error": {"message": "Invalid request.", "type": "invalid_request_error"},
        "request": {"message": "{text}"},
    },
}


@pytest.mark.parametrize("form", QUOTED)
@pytest.mark.parametrize("text", TEXTS)
def test_a_bad_request_that_quotes_a_key_error_is_still_a_bad_request(form: str, text: str) -> None:
    verdict = classify(said(400, QUOTED[form].replace("{text}", text)), NOW)

    assert verdict.scope not in PUNISHING, verdict


@pytest.mark.parametrize("text", TEXTS)
def test_a_rate_limit_that_quotes_a_key_error_is_only_a_rate_limit(text: str) -> None:
    verdict = classify(said(429, f'Rate limit exceeded. Your request began with "{text}"'), NOW)

    assert verdict.cause is Cause.RATE_LIMIT_SHORT


@pytest.mark.parametrize("text", TEXTS)
def test_a_forbidden_answer_that_quotes_a_key_error_sets_no_key_aside(text: str) -> None:
    assert classify(said(403, f"Forbidden: cannot serve `{text}`"), NOW).scope not in PUNISHING


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", TEXTS)
def test_a_field_that_carries_the_request_back_is_not_read(place: str, text: str) -> None:
    body: Any = json.dumps(PLACES[place]).replace("{text}", json.dumps(text)[1:-1])

    assert classify(answer(400, body), NOW).cause is Cause.BAD_REQUEST


@pytest.mark.parametrize("text", TEXTS)
def test_a_refusal_of_content_that_quotes_a_key_error_stays_a_refusal(text: str) -> None:
    verdict = classify(said(403, f'Your input was flagged by moderation: "{text}"'), NOW)

    assert verdict.cause is Cause.CONTENT_POLICY


@pytest.mark.parametrize("text", TEXTS)
def test_a_server_fault_that_says_a_key_error_is_a_server_fault(text: str) -> None:
    assert classify(said(500, text), NOW).scope not in PUNISHING


@pytest.mark.parametrize("text", TEXTS)
def test_model_output_in_a_stream_is_not_an_error(text: str) -> None:
    frame = {"choices": [{"delta": {"content": f'"error": {text}'}}]}

    assert classify(answer(200, f"data: {json.dumps(frame)}\n\n"), NOW).scope not in PUNISHING
