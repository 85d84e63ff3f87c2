"""When a limit ends: what the answer states, and the provider's real reset where the answer misleads."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.classification.durations import DURATION, LONGEST, seconds_in, seconds_until, stamp_in
from shared.classification.signals import Signals

_WAIT = re.compile(
    rf"\b(?:again|retry|retrying|wait|resets?|available|back|after)(?: again)?(?: in| after| for| at least)?"
    rf"(?: about| approximately)? ?~?({DURATION})"
)
_MOMENT = re.compile(
    r"(?:regain access|resets?|again|until|available|renews?|将在|将于)\b[^|]{0,24}?(20\d\d-\d\d-\d\d[^|]{0,24})"
)
_STAMPS_WITHOUT_ZONE = {"zai": timezone(timedelta(hours=8))}  # Z.ai writes Beijing time and says no zone

_ROLLING = frozenset({"openai", "azure", "groq", "text-completion-openai"})
"""Their daily limits free one slot after another, so the stated wait is true however short it is."""

_BELIEVED_DAILY_WAIT = 600.0
"""Seconds. A shorter wait stated for a daily allowance belongs to another window."""


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:  # a host without time zone data: an hour late in summer, never early
        return timezone(timedelta(hours=-8))


_DAY_ENDS_IN: dict[str, tzinfo] = dict.fromkeys(("gemini", "vertex_ai", "vertex_ai_beta"), _pacific())


def stated_wait(signals: Signals, now: datetime) -> timedelta | None:
    """How long the answer says to wait: header first, then typed details, then its sentence."""
    seconds = _retry_after(signals, now) or signals.retry_delay or _in_words(signals, now) or _exhausted(signals, now)
    if seconds is None or not 0 < seconds <= LONGEST:
        return None
    return timedelta(seconds=seconds)


def daily_reset(signals: Signals, now: datetime) -> timedelta:
    """Time until a daily allowance is back."""
    zone = _DAY_ENDS_IN.get(signals.provider)
    if zone is None:
        stated = stated_wait(signals, now)
        believed = 0.0 if signals.provider in _ROLLING else _BELIEVED_DAILY_WAIT
        if stated is not None and stated.total_seconds() >= believed:
            return stated
    local = now.astimezone(zone or UTC)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC) - now


def month_end(now: datetime) -> timedelta:
    """Time until the first of the next month, UTC: where monthly allowances start anew."""
    utc = now.astimezone(UTC)
    first = (utc.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first - now


def week_end(now: datetime) -> timedelta:
    """Time until the next Monday, UTC."""
    utc = now.astimezone(UTC)
    monday = (utc + timedelta(days=7 - utc.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    return monday - now


def _retry_after(signals: Signals, now: datetime) -> float | None:
    if milliseconds := signals.headers.get("retry-after-ms"):
        seconds = seconds_until(f"{milliseconds.strip()}ms", now)
        if seconds is not None:
            return seconds
    value = signals.headers.get("retry-after")
    return seconds_until(value, now) if value else None


def _exhausted(signals: Signals, now: datetime) -> float | None:
    """The latest reset among the limits whose remainder is zero; a single unnamed limit needs no remainder."""
    found: list[float] = []
    for name, value in signals.headers.items():
        if "ratelimit" not in name or "reset" not in name:
            continue
        remaining = signals.headers.get(name.replace("reset", "remaining"), "")
        if remaining.strip() == "0" or (not remaining and name in ("x-ratelimit-reset", "ratelimit-reset")):
            seconds = seconds_until(value, now)
            found += [] if seconds is None else [seconds]
    return max(found, default=None)


def _in_words(signals: Signals, now: datetime) -> float | None:
    text = signals.text
    if "20" in text and (match := _MOMENT.search(text)):
        moment = stamp_in(match[1], _STAMPS_WITHOUT_ZONE.get(signals.provider, UTC))
        if moment is not None and moment > now:
            return (moment - now).total_seconds()
    match = _WAIT.search(text)
    return seconds_in(match[1]) if match else None
