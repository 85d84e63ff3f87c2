"""How figures are summed up and judged."""

import statistics


def percentile(values: list[float], percent: float) -> float:
    """The value below which `percent` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * len(ordered)))]


def spread(values: list[float]) -> str:
    """Median, and the lowest and highest, as text."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def judged(reached: bool) -> str:
    """How a goal is reported."""
    return "reached" if reached else "MISSED"
