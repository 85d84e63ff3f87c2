"""When a limit ends: what is stated, unless it cannot be true."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.classification import Cause, Failure, classify
from shared.classification.durations import seconds_in, seconds_until
from tests.shared.classification.cases import NOW, answer, said

STATED = {
    "retry-after": ({"Retry-After": "16"}, 16),
    "retry-after-ms": ({"retry-after-ms": "1500"}, 1.5),
    "HTTP date": ({"retry-after": "Sun, 15 Mar 2026 12:01:00 GMT"}, 60),
    "lengths": ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
    "milliseconds": ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1120ms"}, 1.12),
    "epoch seconds": ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 45)}, 45),
    "epoch milliseconds": ({"x-ratelimit-reset": str(int(NOW.timestamp() + 45) * 1000)}, 45),
    "RFC 3339": (
        {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-03-15T12:00:48Z"},
        48,
    ),
    "a limit that is not exhausted": ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s"}, 30),
    "a time that is over": ({"retry-after": "Sun, 15 Mar 2020 12:01:00 GMT"}, 30),
    "not a time": ({"retry-after": "soon"}, 30),
    "not a number": ({"retry-after": "nan"}, 30),
    "negative": ({"retry-after": "-5"}, 30),
    "endless": ({"retry-after": "1e300"}, 30),
}


def _wait(failure: Failure, now: datetime = NOW) -> float:
    until = classify(failure, now).until
    assert until is not None
    assert until.tzinfo is UTC
    return (until - now).total_seconds()


@pytest.mark.parametrize("name", STATED)
def test_a_header_states_the_wait(name: str) -> None:
    headers, seconds = STATED[name]

    assert _wait(said(429, "Rate limit exceeded", headers=headers)) == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize(
    ("sentence", "seconds"),
    [
        ("Please try again in 7m12s.", 432),
        ("Please retry in 10.970611001s.", 10.97),
        ("Please retry after 6 seconds.", 6),
        ("Try again in 2 minutes and 5 seconds.", 125),
        ("Please wait 20 secs.", 20),
        ("Limit resets at 2026-03-15T12:10:00Z.", 600),
        ("Please slow down.", 30),
    ],
)
def test_a_sentence_states_the_wait(sentence: str, seconds: float) -> None:
    assert _wait(said(429, f"Rate limit exceeded. {sentence}")) == pytest.approx(seconds, abs=0.01)


def test_a_quoted_wait_is_not_a_wait() -> None:
    assert _wait(said(429, 'Rate limit exceeded for "try again in 20 minutes"')) == 30


@pytest.mark.parametrize(("month", "hour"), [(1, 8), (7, 7)])
def test_a_daily_cap_of_gemini_lasts_until_midnight_in_california_whatever_delay_it_states(
    month: int, hour: int
) -> None:
    now = datetime(2026, month, 15, 12, tzinfo=UTC)
    details = [
        {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "250"}]},
        {"retryDelay": "38s"},
    ]
    failure = answer(
        429, {"error": {"message": "", "status": "RESOURCE_EXHAUSTED", "details": details}}, provider="gemini"
    )

    assert classify(failure, now).cause is Cause.QUOTA_DAILY
    assert classify(failure, now).until == datetime(2026, month, 16, hour, tzinfo=UTC)


def test_a_daily_cap_elsewhere_lasts_until_midnight_utc_unless_a_long_wait_is_stated() -> None:
    assert _wait(said(429, "Too many tokens per day", provider="bedrock")) == 43_200
    assert _wait(said(429, "Too many tokens per day. Try again in 38s.", provider="bedrock")) == 43_200
    assert _wait(said(429, "Too many tokens per day. Try again in 5h.", provider="bedrock")) == 18_000


def test_a_daily_cap_that_frees_slot_after_slot_lasts_as_long_as_stated() -> None:
    assert _wait(said(429, "Rate limit reached on requests per day (RPD): Limit 200. Try again in 7m12s")) == 432


def test_a_month_ends_on_the_first_and_a_week_on_monday() -> None:
    assert _wait(said(429, "Monthly limit exceeded")) == timedelta(days=16, hours=12).total_seconds()
    assert _wait(said(429, "Weekly limit exceeded")) == timedelta(hours=12).total_seconds()


def test_a_limit_of_a_minute_with_a_wait_of_days_is_believed_for_its_number() -> None:
    failure = said(429, "Rate limit reached on tokens per min (TPM). Please try again in 114h18m0s.")

    assert classify(failure, NOW).cause is Cause.QUOTA_PERIODIC
    assert _wait(failure) == 114 * 3600 + 18 * 60


def test_a_reset_without_a_zone_is_in_the_zone_of_its_provider() -> None:
    text = "Usage limit reached for 5 hour. Your limit will reset at 2026-03-15 22:00:00"

    assert _wait(said(429, text, provider="zai")) == 2 * 3600
    assert _wait(said(429, text)) == 10 * 3600


def test_an_overload_carries_the_wait_that_is_stated_and_else_none() -> None:
    assert _wait(said(503, "Overloaded", headers={"retry-after": "5"})) == 5
    assert classify(said(503, "Overloaded"), NOW).until is None


def test_lengths_and_moments_are_read_or_refused() -> None:
    assert seconds_in("1d2h") == 93_600
    assert seconds_in("120ms") == pytest.approx(0.12)
    assert seconds_in("tomorrow") is None
    assert seconds_until("2026-02-31T00:00:00Z", NOW) is None
    assert seconds_until("2026-03-15T14:00:00+02:00", NOW) is None
    assert seconds_until("2026-03-15T14:00:10+02:00", NOW) == 10
