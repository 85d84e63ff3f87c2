"""Whatever arrives, a verdict comes out: quickly, without the past, without the answer's text."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.classification import Cause, Failure, classify
from shared.classification.failure import Kind
from shared.classification.rule import DEFAULT_SCOPE
from tests.shared.classification.cases import NOW, PUNISHING, answer, rows, said

WORDS = st.sampled_from(
    [
        "error",
        "message",
        "code",
        "type",
        "status",
        "details",
        "metadata",
        "raw",
        "violations",
        "quotaId",
        "quotaValue",
        "retryDelay",
        "headers",
        "choices",
        "invalid_api_key",
        "PerDay",
        "PerMinute",
        "429",
        "1e400",
        "2026-99-99T77:77+99:99",
        "~",
    ]
)
PROSE = st.sampled_from(
    ["Provider returned error", "try again in 5m", "limit: 0", "resets at 2026-02-31 at 25:00 +99:99"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | WORDS | PROSE
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
BODIES = (
    st.text(max_size=300)
    | st.binary(max_size=300).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | VALUES.map(json.dumps)
    | VALUES.map(lambda value: f"data: {json.dumps({'error': value})}\n\n")
    | VALUES.map(
        lambda value: json.dumps({"error": {"message": "Provider returned error", "metadata": {"raw": value}}})
    )
)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "retry-after-ms", "x-ratelimit-reset", "x-amzn-errortype", "content-type"]),
    st.text(max_size=20) | st.floats().map(str) | st.integers().map(str),
)
FAILURES = st.builds(
    Failure,
    provider=st.sampled_from(["openai", "gemini", "bedrock", "zai", "openrouter", "nobody"]),
    model=st.text(max_size=10),
    kind=st.sampled_from(get_args(Kind)),
    status=st.none() | st.integers(-1, 1000) | st.sampled_from([200, 400, 401, 403, 404, 429, 500]),
    headers=HEADERS,
    body=BODIES,
    local_error=st.text(max_size=50),
)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=20_000)).map(lambda age: datetime(2020, 1, 1, tzinfo=UTC) + age)
RETURNING = {Cause.QUOTA_DAILY, Cause.QUOTA_PERIODIC, Cause.RATE_LIMIT_SHORT}


@given(failure=FAILURES, now=MOMENTS)
def test_every_answer_gets_a_verdict_that_never_ends_in_the_past(failure: Failure, now: datetime) -> None:
    verdict = classify(failure, now)

    assert verdict.until is not None or verdict.cause not in RETURNING
    assert verdict.until is None or (verdict.until >= now and verdict.until.tzinfo is UTC)
    assert verdict.advice
    assert verdict.rule


@given(failure=FAILURES)
def test_a_server_fault_never_sets_a_key_aside(failure: Failure) -> None:
    verdict = classify(failure, NOW)

    if failure.kind == "http" and failure.status is not None and failure.status >= 500:
        assert verdict.scope not in PUNISHING


@pytest.mark.parametrize("row", rows("provider_errors.jsonl"), ids=lambda row: str(row["id"]))
def test_what_returns_by_itself_says_when(row: dict[str, Any]) -> None:
    verdict = classify(Failure.from_row(row), NOW)

    if verdict.cause in RETURNING:
        assert verdict.until is not None
        assert verdict.until > NOW


def test_the_same_answer_at_another_time_has_the_same_cause() -> None:
    failure = said(429, "Rate limit exceeded. Try again in 5s.")

    assert classify(failure, NOW).cause == classify(failure, NOW + timedelta(days=200)).cause


def test_every_cause_has_a_scope_of_its_own() -> None:
    assert set(DEFAULT_SCOPE) == set(Cause)


def test_a_verdict_never_repeats_a_key_that_the_answer_echoes() -> None:
    key = "AIzaSyEXAMPLE0000000000000000000000000"
    text = f"Permission denied: Consumer 'api_key:{key}' has been suspended."

    assert key not in repr(classify(said(403, text, provider="gemini"), NOW))


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        "'" * 100_000,
        '"' * 100_000,
        "` '" * 50_000,
        json.dumps({"error": {"message": "' a" * 40_000}}),
        json.dumps({"error": {"message": "1h" * 40_000 + " per "}}),
        json.dumps({"error": {"message": "model " * 20_000}}),
        json.dumps({"error": {"message": "limit: 1 used: 2 " * 10_000 + "requested"}}),
        "data: " + '{"error"' * 20_000,
        "<title>" * 30_000,
        '{"error": {"message": ' + "9" * 60_000 + "}}",
    ],
    ids=range(11),
)
def test_a_hostile_body_is_read_quickly(body: str) -> None:
    started = time.process_time()

    for status in (400, 404, 429):
        classify(answer(status, body), NOW)

    assert time.process_time() - started < 0.3
