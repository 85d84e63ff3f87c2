"""The form of a rule: what it looks for and what it then says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope

DEFAULT_SCOPE = {
    Cause.AUTH_INVALID: Scope.KEY,
    Cause.AUTH_MISSING: Scope.KEY,
    Cause.ACCOUNT_SUSPENDED: Scope.ACCOUNT,
    Cause.BILLING: Scope.ACCOUNT,
    Cause.PERMISSION: Scope.KEY_MODEL,
    Cause.MODEL_NOT_FOUND: Scope.PROVIDER_MODEL,
    Cause.QUOTA_DAILY: Scope.KEY,
    Cause.QUOTA_PERIODIC: Scope.KEY,
    Cause.RATE_LIMIT_SHORT: Scope.KEY,
    Cause.OVERLOADED: Scope.PROVIDER,
    Cause.TIMEOUT: Scope.PROVIDER,
    Cause.NETWORK: Scope.PROVIDER,
    Cause.UNKNOWN: Scope.REQUEST,
    Cause.CONTEXT_WINDOW: Scope.REQUEST,
    Cause.CONTENT_POLICY: Scope.REQUEST,
    Cause.BAD_REQUEST: Scope.REQUEST,
}
PUNISHING = frozenset({Scope.KEY, Scope.KEY_MODEL, Scope.ACCOUNT})
"""Scopes that set a key aside. A server's own fault never leads to one of them."""

DENIED = frozenset({401, 402, 403, 412, 429})
"""Statuses about who asks and how much. Only here may a phrase in mid-sentence speak against a key."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says. `lasts` is the time until it ends by itself, None if that is not known."""

    cause: Cause
    scope: Scope
    confidence: Confidence = Confidence.HIGH
    lasts: timedelta | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One named step of the decision; the first that finds something decides."""

    name: str
    find: Callable[[Signals, datetime], Finding | None]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Data of a rule that looks for codes and sentences.

    Attributes:
        codes: structured marks; they count at every status, because only the provider writes them.
        opens: beginnings of the provider's own message; they count at every status.
        says: phrases anywhere in its own words; they count only at the statuses in `says_at`.
        hushed_at: statuses at which the rule is not asked at all.
    """

    cause: Cause
    codes: frozenset[str] = frozenset()
    opens: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    says_at: frozenset[int] = DENIED
    hushed_at: frozenset[int] = frozenset()
    scope: Scope | None = None
    confidence: Confidence = Confidence.HIGH
    opening_confidence: Confidence | None = None
    note: str = ""

    def __call__(self, signals: Signals, now: datetime) -> Finding | None:
        if signals.status in self.hushed_at:
            return None
        confidence = self.confidence
        if not (self.codes and not self.codes.isdisjoint(signals.codes)):
            said = signals.status in self.says_at and any(phrase in signals.text for phrase in self.says)
            if not said:
                if not (self.opens and signals.text.startswith(self.opens)):
                    return None
                confidence = self.opening_confidence or confidence
        return Finding(self.cause, self.scope or DEFAULT_SCOPE[self.cause], confidence, note=self.note)
