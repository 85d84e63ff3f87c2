"""The words of a classification: cause, scope, confidence, and the verdict that carries them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Cause(StrEnum):
    """Why an attempt failed. What happens then is decided by the caller, not here."""

    AUTH_INVALID = "auth_invalid"  # the provider does not know or no longer accepts the key
    AUTH_MISSING = "auth_missing"  # no credential was given, or none arrived
    ACCOUNT_SUSPENDED = "account_suspended"  # the provider closed the account; a person must act
    BILLING = "billing"  # no money; a person must pay or raise a limit
    PERMISSION = "permission"  # the key is valid but may not do this
    MODEL_NOT_FOUND = "model_not_found"  # the model does not exist here, is retired or not running
    QUOTA_DAILY = "quota_daily"  # a daily allowance is spent
    QUOTA_PERIODIC = "quota_periodic"  # an allowance of hours, a week or a month is spent
    RATE_LIMIT_SHORT = "rate_limit_short"  # too fast; over within minutes
    OVERLOADED = "overloaded"  # the provider's own fault or lack of capacity
    TIMEOUT = "timeout"  # no answer in time
    NETWORK = "network"  # the way to the provider is broken or blocked
    UNKNOWN = "unknown"  # nothing can be said
    CONTEXT_WINDOW = "context_window"  # the request is too long; no wait and no other key helps
    CONTENT_POLICY = "content_policy"  # the content was refused
    BAD_REQUEST = "bad_request"  # the request itself is wrong


class Scope(StrEnum):
    """What else fails the same way, from the narrowest to the widest."""

    REQUEST = "request"
    KEY_MODEL = "key_model"
    KEY = "key"
    ACCOUNT = "account"
    PROVIDER_MODEL = "provider_model"
    PROVIDER = "provider"
    EGRESS = "egress"  # everything that leaves this host towards the provider


class Confidence(StrEnum):
    """LOW means the answer alone cannot decide: hold the key, if one is meant, and ask with a probe."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failure means.

    Attributes:
        until: when it ends by itself, aware UTC and never in the past. Always set for `quota_daily`,
            `quota_periodic` and `rate_limit_short`; None elsewhere unless the provider named a time.
        advice: one or two sentences for the person on call. Holds nothing of the answer's text.
        rule: name of the rule that decided, for logs and for `explain`.
    """

    cause: Cause
    scope: Scope
    until: datetime | None
    confidence: Confidence
    advice: str
    rule: str
