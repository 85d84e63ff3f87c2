"""What a failure means for a key, a model, a provider, the way out: decided from its verdict alone."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.classification import Cause, Confidence, Scope, Verdict
from shared.keystate.plan import BREAKER_FAILURES, Concerned, SetAside, plan
from shared.keystate.standing import KeyState
from watchkeeper.clock import to_ms

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = 60_000


def verdict(
    cause: Cause, scope: Scope = Scope.KEY, until: datetime | None = None, confidence: Confidence = Confidence.HIGH
) -> Verdict:
    """A verdict."""
    return Verdict(cause, scope, until, confidence, "what to do", "some_rule")


def planned(given: Verdict, fingerprint: str = "f") -> SetAside | None:
    """What follows from it for the key `f` with model `p/m`, asked from the host `h`."""
    return plan(given, Concerned(fingerprint, "p/m", "p", "h"), now=NOW)


@pytest.mark.parametrize(
    ("cause", "state", "base_minutes"),
    [
        (Cause.AUTH_INVALID, KeyState.QUARANTINED, 5),
        (Cause.AUTH_MISSING, KeyState.QUARANTINED, 5),
        (Cause.ACCOUNT_SUSPENDED, KeyState.SUSPENDED, 60),
        (Cause.BILLING, KeyState.SUSPENDED, 60),
        (Cause.QUOTA_DAILY, KeyState.EXHAUSTED, 60),
        (Cause.RATE_LIMIT_SHORT, KeyState.COOLING, 5 / 60),
    ],
)
def test_a_failure_of_the_key_sets_it_aside(cause: Cause, state: KeyState, base_minutes: float) -> None:
    order = planned(verdict(cause))
    assert order is not None
    assert (order.subject, order.state, order.until_ms) == ("key:f", state, None)
    assert order.base_ms == base_minutes * MINUTE
    assert order.base_ms <= order.cap_ms


@pytest.mark.parametrize("cause", [Cause.UNKNOWN, Cause.CONTEXT_WINDOW, Cause.CONTENT_POLICY, Cause.BAD_REQUEST])
@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.EGRESS])
def test_nobody_suffers_for_the_request_or_for_what_nobody_understands(cause: Cause, scope: Scope) -> None:
    assert planned(verdict(cause, scope)) is None


@pytest.mark.parametrize("cause", [Cause.OVERLOADED, Cause.TIMEOUT, Cause.NETWORK])
@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("confidence", Confidence)
def test_an_outage_opens_a_breaker_and_never_concerns_a_key(
    cause: Cause, scope: Scope, confidence: Confidence
) -> None:
    order = planned(verdict(cause, scope, confidence=confidence))
    assert order is not None
    assert order.state is KeyState.OPEN
    wide = {Scope.PROVIDER_MODEL: "model:p/m", Scope.EGRESS: "egress:h:p"}
    assert order.subject == wide.get(scope, "provider:p")
    assert order.failures == (1 if scope is Scope.EGRESS else BREAKER_FAILURES)


@pytest.mark.parametrize("cause", [Cause.PERMISSION, Cause.RATE_LIMIT_SHORT, Cause.NETWORK, Cause.UNKNOWN])
def test_whatever_blocks_the_way_out_closes_it_for_this_host(cause: Cause) -> None:
    order = planned(verdict(cause, Scope.EGRESS, confidence=Confidence.LOW))
    assert order is not None
    assert (order.subject, order.state, order.failures) == ("egress:h:p", KeyState.OPEN, 1)


@pytest.mark.parametrize("scope", [Scope.PROVIDER, Scope.REQUEST])
def test_no_key_suffers_for_what_concerns_more_or_less_than_a_key(scope: Scope) -> None:
    assert planned(verdict(Cause.AUTH_INVALID, scope)) is None


@pytest.mark.parametrize(
    ("scope", "subject"),
    [
        (Scope.KEY, "key:f"),
        (Scope.ACCOUNT, "key:f"),
        (Scope.KEY_MODEL, "key_model:f:p/m"),
        (Scope.PROVIDER_MODEL, "model:p/m"),
    ],
)
def test_the_scope_says_who_is_set_aside(scope: Scope, subject: str) -> None:
    order = planned(verdict(Cause.MODEL_NOT_FOUND, scope))
    assert order is not None
    assert order.subject == subject


def test_a_provider_without_keys_has_none_to_set_aside() -> None:
    assert planned(verdict(Cause.AUTH_INVALID), fingerprint="") is None


def test_an_undecided_answer_holds_the_key() -> None:
    order = planned(verdict(Cause.AUTH_INVALID, confidence=Confidence.LOW))
    assert order is not None
    assert (order.state, order.base_ms) == (KeyState.HELD, MINUTE)


@pytest.mark.parametrize(
    ("until", "stored"),
    [
        (NOW + timedelta(seconds=30), NOW + timedelta(seconds=30)),
        (NOW + timedelta(days=400), NOW + timedelta(days=32)),  # no typo of a provider takes a key out for a year
        (NOW - timedelta(seconds=1), None),
        (None, None),
    ],
)
def test_a_stated_end_is_kept_within_reason(until: datetime | None, stored: datetime | None) -> None:
    order = planned(verdict(Cause.RATE_LIMIT_SHORT, until=until))
    assert order is not None
    assert order.until_ms == (None if stored is None else to_ms(stored))
