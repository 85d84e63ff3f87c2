"""The key itself: missing on the way, unknown, expired or revoked."""

from datetime import datetime

from shared.classification.rule import Finding, Phrases, Rule
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope

_AT = frozenset({401, 403})

# Every attempt carries a key, so "you sent none" is either a gateway's hiccup or an empty key: LOW.
_MISSING = Phrases(
    Cause.AUTH_MISSING,
    codes=frozenset(
        {"missing_api_key", "no_api_key", "missingauthenticationtokenexception", "credentials_missing", "zai:1001"}
    ),
    says=(
        "auth credentials found",
        "no authentication",
        "no api key",
        "no api-key",
        "missing api key",
        "missing authentication",
        "missing authorization",
        "missing bearer",
        "missing subscription key",
        "missing request header ~ authorization",
        "api key is missing",
        "api key is required",
        "api key required",
        "api key not provided",
        "provide an api key",
        "pass an api key",
        "header is required",
        "header is missing",
        "header missing",
        "unregistered callers",
        "未收到authorization",
    ),
    says_at=_AT,
    opens=("you didn't provide an api key",),
    confidence=Confidence.LOW,
)
_INVALID_CODES = frozenset(
    {"invalid_api_key", "wrong_api_key", "expired_api_key", "api_key_invalid", "invalid_authentication"}
    | {"expiredtokenexception", "unrecognizedclientexception", "invalidclienttokenid", "token_expired"}
    | {"token_not_found_in_db", "expired_key", "access_token_expired", "revoked_api_key", "key_revoked"}
    | {"invalid_api_token", "api_key_expired", "zai:1000", "zai:1002", "zai:1003", "access_token_type_unsupported"}
)
_INVALID_SAYS = (
    "invalid api key",
    "incorrect api key",
    "wrong api key",
    "expired api key",
    "invalid api token",
    "invalid token",
    "invalid access token",
    "invalid bearer token",
    "invalid x-api-key",
    "invalid subscription key",
    "invalid credential",
    "invalid authentication",
    "invalid authorization",
    "invalid proxy server token",
    "invalid key",
    "bad credentials",
    "api key not valid",
    "api key not found",
    "api key expired",
    "api key is invalid",
    "api key is not valid",
    "api key is disabled",
    "api key is blocked",
    "api key is currently blocked",
    "api key has expired",
    "api key has been",
    "api key was reported as leaked",
    "api key you provided is invalid",
    "make sure your api key is valid",
    "authentication fail",
    "token has expired",
    "token is expired",
    "token expired",
    "token has been",
    "blocked due to api key leak",
    "token included in the request is",
    "request signature we calculated does not match",
    "user not found",
    "expired key",
    "token非法",
)
_INVALID = Phrases(Cause.AUTH_INVALID, codes=_INVALID_CODES, says=_INVALID_SAYS, says_at=_AT)
# At another status the whole message must begin so, and only providers known to answer so are believed at once.
_OPENING = Phrases(
    Cause.AUTH_INVALID,
    opens=(
        "incorrect api key provided",
        "invalid api key provided",
        "invalid api key.",
        "api key not valid",
        "api key not found",
        "api key expired",
        "your api key has been revoked",
        "your api key has expired",
    ),
    confidence=Confidence.LOW,
)
_ANSWERS_400 = frozenset({"xai", "gemini", "vertex_ai"})


def _opening(signals: Signals, now: datetime) -> Finding | None:
    finding = _OPENING(signals, now)
    if finding is not None and signals.status == 400 and signals.provider in _ANSWERS_400:
        return Finding(Cause.AUTH_INVALID, Scope.KEY)
    return finding


def _clock(signals: Signals, now: datetime) -> Finding | None:
    """A signature that is too old or too new speaks of this host's clock, not of the key."""
    if "signature expired" in signals.text or "signature not yet current" in signals.text:
        return Finding(Cause.UNKNOWN, Scope.REQUEST, note="clock")
    return None


def _refused(signals: Signals, now: datetime) -> Finding | None:
    """A 401 that does not say why, and NVIDIA's 403 of the same meaning."""
    nvidia = (
        signals.provider == "nvidia_nim" and signals.status == 403 and signals.text.startswith("authorization failed")
    )
    if signals.status != 401 and not nvidia:
        return None
    return Finding(Cause.AUTH_INVALID, Scope.KEY, Confidence.LOW)


RULES = (
    Rule("clock_of_this_host", _clock),
    Rule("key_missing", _MISSING),
    Rule("key_invalid", _INVALID),
    Rule("key_invalid_as_400", _opening),
)
LAST_RULES = (Rule("refused_without_reason", _refused),)
