"""Lengths of time and moments, as providers write them. All results are seconds; unreadable is None."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

LONGEST = 400 * 86_400.0
"""Seconds. A longer wait is a broken value, not a wait."""

_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_UNIT = r"(?:milliseconds?|ms|days?|d|hours?|hrs?|hr|h|minutes?|mins?|min|m|seconds?|secs?|sec|s)(?![a-z])"
DURATION = rf"{_NUMBER}\s?{_UNIT}(?:[\s,]{{0,2}}(?:and )?{_NUMBER}\s?{_UNIT}){{0,4}}"
"""Pattern text of a length of time: 7m12s, 114h18m0s, 50.6s, 2 hours and 5 minutes."""

_PART = re.compile(rf"({_NUMBER})\s?({_UNIT})")
_WHOLE = re.compile(rf"\s*{DURATION}\s*")
_STAMP = re.compile(
    r"(20\d\d)-(\d\d)-(\d\d)(?:(?:[t ]|,? at )(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?\s?(z|utc|gmt|[+-]\d\d:?\d\d)?)?"
)
_UNITS = {"ms": 0.001, "mi": 60.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 1e9, 1e12


def seconds_in(text: str) -> float | None:
    """Seconds of a length of time with units, wherever it stands in `text`."""
    total = sum(float(number) * _size(unit) for number, unit in _PART.findall(text[:80].lower()))
    return total if 0 < total <= LONGEST else None


def _size(unit: str) -> float:
    if unit.startswith("millisecond"):
        return 0.001
    return _UNITS.get(unit[:2]) or _UNITS[unit[0]]


def seconds_until(value: str, now: datetime, zone: timezone = UTC) -> float | None:
    """Seconds from `now` to what a reset header says.

    Reads seconds, lengths with units, epoch seconds or milliseconds, RFC 3339 and HTTP dates; a stamp
    without a zone is taken in `zone`. A moment that is over is None.
    """
    text = value.strip()[:80]
    number = _number(text)
    if number is not None:
        if number >= _EPOCH_MILLISECONDS:
            number = number / 1_000 - now.timestamp()
        elif number >= _EPOCH_SECONDS:
            number = number - now.timestamp()
        return _sane(number)
    if _WHOLE.fullmatch(text.lower()):
        return seconds_in(text)
    moment = stamp_in(text, zone) or _http_date(text)
    return None if moment is None else _sane((moment - now).total_seconds())


def stamp_in(text: str, zone: timezone = UTC) -> datetime | None:
    """The first date, with or without a time of day, in `text`; its own zone wins over `zone`."""
    match = _STAMP.search(text.lower())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=_zone(match[7], zone))
    except ValueError:  # such as the 31st of February: not a date, so not a stamp
        return None


def _zone(text: str | None, otherwise: timezone) -> timezone:
    if text is None:
        return otherwise
    if text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sane(seconds: float) -> float | None:
    return seconds if 0 < seconds <= LONGEST else None
