"""What a failure means for the key: a pure decision; `shared.keystate.store` carries it out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.classification import Cause, Confidence, Scope, Verdict
from shared.keystate.standing import KeyState, key_model_subject, key_subject, model_subject
from watchkeeper.clock import to_ms


@dataclass(frozen=True, slots=True)
class SetAside:
    """Take `subject` out of traffic.

    Attributes:
        until_ms: a stated end; None = `base_ms`, doubled for every strike in a row up to `cap_ms`.
    """

    subject: str
    state: KeyState
    until_ms: int | None
    base_ms: int
    cap_ms: int
    cause: str
    advice: str


_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE

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


def plan(verdict: Verdict, *, fingerprint: str, model_id: str, now: datetime) -> SetAside | None:
    """What to set aside for `verdict`; None when no key or model is to blame."""
    rule = _RULES.get(verdict.cause)
    subject = _subject(verdict.scope, fingerprint, model_id)
    if rule is None or subject is None:
        return None
    state, base_ms, cap_ms = rule
    if verdict.confidence is Confidence.LOW:
        state, base_ms = KeyState.HELD, _MINUTE
    until_ms = None
    if verdict.until is not None and verdict.until > now:
        until_ms = to_ms(min(verdict.until, now + timedelta(days=32)))
    return SetAside(subject, state, until_ms, base_ms, cap_ms, verdict.cause.value, verdict.advice)


def _subject(scope: Scope, fingerprint: str, model_id: str) -> str | None:
    if scope is Scope.PROVIDER_MODEL:
        return model_subject(model_id)
    if not fingerprint:
        return None
    if scope in (Scope.KEY, Scope.ACCOUNT):
        return key_subject(fingerprint)
    if scope is Scope.KEY_MODEL:
        return key_model_subject(fingerprint, model_id)
    return None
