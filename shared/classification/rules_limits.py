"""Limits of the key: too fast for now, or an allowance of a day or longer is spent."""

import re
from datetime import datetime, timedelta
from enum import Enum

from shared.classification.reset import daily_reset, month_end, stated_wait, week_end
from shared.classification.rule import DENIED, Finding, Rule
from shared.classification.rules_request import stated_amounts
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope


class Window(Enum):
    """The span a limit counts over."""

    SHORT = "short"  # seconds or a minute
    HOURS = "hours"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_WINDOW = re.compile(
    r"(?P<SHORT>\bper[ -]?min|\bper[ -]?sec|/ ?min|/ ?s\b|(?<![a-z])[rtq]pm(?![a-z])|-per-min|\bper min|concurren)"
    r"|(?P<DAY>\bper[ -]day|/ ?day|\bdaily\b|(?<![a-z])[rtq]pd(?![a-z])|byday\b|per 86400|今日)"
    r"|(?P<MONTH>\bper month|/ ?month|\bmonthly\b)"
    r"|(?P<WEEK>\bper week|/ ?week|\bweekly\b)"
    r"|(?P<HOURS>\bper hour|/ ?hour|\bhourly\b|\b\d+[ -]hours?\b(?! and))"
)
_WAIT_CLAUSE = re.compile(r"\b(?:try again|retry|wait)[^.|]{0,60}")
_LIMIT_WORDS = ("rate limit", "rate_limit", "too many requests", "ratelimit", "requests limit", "throttl")
_SPENT_WORDS = (
    "usage limit",
    "limit exhausted",
    "key limit exceeded",
    "daily limit",
    "monthly limit",
    "quota exceeded",
    "call volume quota",
)
# At 400 only a whole beginning counts: the rest of such a message may be the request.
_SPENT_OPENS = ("you have reached your", "you've reached your", "usage limit", "your usage limit")
_LIMIT_CODES = frozenset(
    {"throttlingexception", "rate_limit_error", "rate_limit_exceeded", "too_many_requests"}
    | {"servicequotaexceededexception"}
)
_PER_MODEL = frozenset({"gemini", "vertex_ai", "vertex_ai_beta", "bedrock", "bedrock_converse", "azure"})
_LIMIT_LINE = re.compile(r"\blimit: ?(\d{1,12})\b")

_LONGEST_SHORT = timedelta(hours=1)
_PLACEHOLDER_DAY = (86_000.0, 86_400.0)  # "retry after 86400 s" on a limit of a minute is a default, not a time
_MINUTE = timedelta(seconds=60)
_UNSTATED = timedelta(seconds=30)
_SHORTEST = timedelta(seconds=1)


def window_of(signals: Signals) -> Window | None:
    """The span of the limit that was hit: typed quotas first, then the first span named in words."""
    if signals.quotas:
        if any(quota.daily for quota in signals.quotas):
            return Window.DAY
        if any(quota.per_minute for quota in signals.quotas):
            return Window.SHORT
    # How long to wait is not what is counted: "try again in 2 hours" names no window.
    match = _WINDOW.search(_WAIT_CLAUSE.sub("", signals.text))
    if match is None or match.lastgroup is None:
        return None
    return Window[match.lastgroup]


def _never_allowed(signals: Signals, now: datetime) -> Finding | None:
    """A limit of zero: this key has no access to the model, whatever wait is stated."""
    if signals.status != 429:
        return None
    lines = _LIMIT_LINE.findall(signals.text) if "limit: " in signals.text else []
    quotas = signals.quotas
    all_windows = any(quota.daily for quota in quotas) and any(quota.per_minute for quota in quotas)
    zero_quotas = bool(quotas) and all(quota.value == "0" or (all_windows and quota.zero) for quota in quotas)
    stated = stated_amounts(signals.text)
    if (
        (lines and all(int(value) == 0 for value in lines))
        or (zero_quotas and not lines)
        or (stated and stated[0] == 0)
    ):
        return Finding(Cause.PERMISSION, Scope.KEY_MODEL)
    return None


def _limited_at_another_status(signals: Signals) -> bool:
    by_code = signals.status == 400 and not signals.codes.isdisjoint(_LIMIT_CODES)
    return by_code or (signals.status in (400, 403) and signals.text.startswith(("rate limit", "too many requests")))


def _spent(signals: Signals) -> bool:
    if signals.status == 400:
        return signals.text.startswith(_SPENT_OPENS) and "limit" in signals.text[:80]
    return signals.status in DENIED and any(word in signals.text for word in _SPENT_WORDS)


def _limit(signals: Signals, now: datetime) -> Finding | None:
    text = signals.text
    limited = signals.status == 429 or _limited_at_another_status(signals)
    if not (limited or _spent(signals)):
        return None
    scope = _scope(signals)
    window, wait = window_of(signals), stated_wait(signals, now)
    if window is Window.DAY:
        return Finding(Cause.QUOTA_DAILY, scope, lasts=daily_reset(signals, now))
    if window is Window.MONTH or window is Window.WEEK:
        return Finding(
            Cause.QUOTA_PERIODIC, scope, lasts=wait or (month_end(now) if window is Window.MONTH else week_end(now))
        )
    if window is Window.HOURS:
        return Finding(Cause.QUOTA_PERIODIC, scope, lasts=wait or timedelta(hours=1))
    if wait is not None and wait > _LONGEST_SHORT and not _placeholder(wait):
        return Finding(Cause.QUOTA_PERIODIC, scope, lasts=wait)  # the number is true, the word "minute" is not
    if not limited or "usage limit" in text or "limit exhausted" in text:
        return Finding(Cause.QUOTA_PERIODIC, scope, Confidence.LOW, lasts=wait or timedelta(hours=1))
    return _short(signals, scope, window, wait)


def _short(signals: Signals, scope: Scope, window: Window | None, wait: timedelta | None) -> Finding:
    if wait is None or _placeholder(wait):
        wait = _MINUTE if window is Window.SHORT or wait is not None else _UNSTATED
    certain = bool(window or signals.codes or any(word in signals.text for word in _LIMIT_WORDS))
    confidence = Confidence.HIGH if certain else Confidence.LOW
    return Finding(Cause.RATE_LIMIT_SHORT, scope, confidence, lasts=max(wait, _SHORTEST))


def _placeholder(wait: timedelta) -> bool:
    return _PLACEHOLDER_DAY[0] <= wait.total_seconds() <= _PLACEHOLDER_DAY[1]


def _scope(signals: Signals) -> Scope:
    if signals.provider in _PER_MODEL or signals.names_model or "this model" in signals.text:
        return Scope.KEY_MODEL
    return Scope.KEY


FIRST_RULES = (Rule("limit_of_zero", _never_allowed),)
RULES = (Rule("limit_reached", _limit),)
