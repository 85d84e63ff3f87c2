"""Spans of time for people: "4 min"; and back: "10m"."""

import re
from typing import Final

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_LONGEST_MS: Final = 3650 * _UNITS["d"]


def in_words(milliseconds: int) -> str:
    """A span in its largest fitting unit: "850 ms", "12 s", "4 min", "3 h", "2 days"."""
    if milliseconds < 1_000:
        return f"{max(0, milliseconds)} ms"
    for limit, unit, name in ((120_000, 1_000, "s"), (7_200_000, 60_000, "min"), (172_800_000, 3_600_000, "h")):
        if milliseconds < limit:
            return f"{round(milliseconds / unit)} {name}"
    return f"{round(milliseconds / _UNITS['d'])} days"


def parse_span(text: str) -> int:
    """Milliseconds of "90s", "10m", "1h30m", "2d".

    Raises:
        ValueError: it is none.
    """
    compact = text.strip().lower()
    parts = list(_SPAN.finditer(compact))
    if not parts or "".join(part.group(0) for part in parts) != compact:
        raise ValueError(f"{text!r} is no span of time: write 90s, 10m, 1h30m or 2d")
    total = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    if total > _LONGEST_MS:
        raise ValueError(f"{text!r} is longer than ten years")
    return round(total)
