"""What a failure means for key, model and provider: a pure decision; `shared.keystate.store` carries it out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.classification import Cause, Confidence, Scope, Verdict
from shared.keystate.standing import (
    KeyState,
    egress_subject,
    key_model_subject,
    key_subject,
    model_subject,
    provider_subject,
)

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE

BREAKER_FAILURES: Final = 5
"""Failures within BREAKER_WINDOW_MS that open a breaker, when they are at least half of what was seen."""

BREAKER_WINDOW_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Concerned:
    """Who took part in the attempt."""

    fingerprint: str
    model_id: str
    provider: str
    host: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """Take `subject` out of traffic.

    Attributes:
        until_ms: a stated end; None = `base_ms`, doubled for every strike in a row up to `cap_ms`.
        failures: how many failures within BREAKER_WINDOW_MS it takes; 1 = this one is enough.
    """

    subject: str
    state: KeyState
    until_ms: int | None
    base_ms: int
    cap_ms: int
    cause: str
    advice: str
    failures: int = 1


# state, first time aside, longest time aside (milliseconds), for causes that concern a key or a model
_RULES: Final[dict[Cause, tuple[KeyState, int, int]]] = {
    Cause.AUTH_INVALID: (KeyState.QUARANTINED, 5 * _MINUTE, 6 * _HOUR),
    Cause.AUTH_MISSING: (KeyState.QUARANTINED, 5 * _MINUTE, 6 * _HOUR),
    Cause.ACCOUNT_SUSPENDED: (KeyState.SUSPENDED, _HOUR, 6 * _HOUR),
    Cause.BILLING: (KeyState.SUSPENDED, _HOUR, 6 * _HOUR),
    Cause.PERMISSION: (KeyState.SUSPENDED, 15 * _MINUTE, 6 * _HOUR),
    Cause.MODEL_NOT_FOUND: (KeyState.SUSPENDED, 15 * _MINUTE, 6 * _HOUR),
    Cause.QUOTA_DAILY: (KeyState.EXHAUSTED, _HOUR, 6 * _HOUR),
    Cause.QUOTA_PERIODIC: (KeyState.EXHAUSTED, _HOUR, 6 * _HOUR),
    Cause.RATE_LIMIT_SHORT: (KeyState.COOLING, 5_000, _MINUTE),
}
_OUTAGES: Final = frozenset({Cause.OVERLOADED, Cause.TIMEOUT, Cause.NETWORK})
_BREAKER_BASE_MS: Final = 10_000
_BREAKER_CAP_MS: Final = 5 * _MINUTE


def plan(verdict: Verdict, concerned: Concerned, *, now: datetime) -> SetAside | None:
    """What to set aside for `verdict`; None when nothing but the request, or nobody knows what, is to blame.

    A key answers only for its own faults: an outage opens the breaker of the provider, of one model of it, or of the
    way out of this host.
    """
    until_ms = None
    if verdict.until is not None and verdict.until > now:
        until_ms = round(min(verdict.until, now + timedelta(days=32)).timestamp() * 1000)
    if verdict.scope is Scope.EGRESS or verdict.cause in _OUTAGES:
        return _breaker(verdict, concerned, until_ms)
    rule = _RULES.get(verdict.cause)
    subject = _subject(verdict.scope, concerned)
    if rule is None or subject is None:
        return None
    state, base_ms, cap_ms = rule
    if verdict.confidence is Confidence.LOW:
        state, base_ms = KeyState.HELD, _MINUTE
    return SetAside(subject, state, until_ms, base_ms, cap_ms, verdict.cause.value, verdict.advice)


def _breaker(verdict: Verdict, concerned: Concerned, until_ms: int | None) -> SetAside | None:
    failures, base_ms = BREAKER_FAILURES, _BREAKER_BASE_MS
    if verdict.scope is Scope.EGRESS:
        # The answer itself says that this host is not let through: nothing to count.
        subject, failures, base_ms = egress_subject(concerned.host, concerned.provider), 1, _MINUTE
    elif verdict.scope is Scope.PROVIDER_MODEL:
        subject = model_subject(concerned.model_id)
    else:
        subject = provider_subject(concerned.provider)
    return SetAside(
        subject,
        KeyState.OPEN,
        until_ms,
        base_ms,
        _BREAKER_CAP_MS if failures > 1 else 15 * _MINUTE,
        verdict.cause.value,
        verdict.advice,
        failures,
    )


def _subject(scope: Scope, concerned: Concerned) -> str | None:
    if scope is Scope.PROVIDER_MODEL:
        return model_subject(concerned.model_id)
    if not concerned.fingerprint:
        return None
    if scope in (Scope.KEY, Scope.ACCOUNT):
        return key_subject(concerned.fingerprint)
    if scope is Scope.KEY_MODEL:
        return key_model_subject(concerned.fingerprint, concerned.model_id)
    return None
