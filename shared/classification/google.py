"""Google's typed error details: what quota was hit, how long to wait, for which reason.

Source of the shapes: google.rpc.ErrorInfo, QuotaFailure and RetryInfo.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shared.classification.durations import seconds_in

_MOST_ENTRIES = 32


@dataclass(frozen=True, slots=True)
class Quota:
    """One violated quota. `value` is "" where the provider left it out, which it does for a quota of zero."""

    name: str
    value: str
    model: str

    @property
    def daily(self) -> bool:
        return "perday" in self.name or "per day" in self.name

    @property
    def per_minute(self) -> bool:
        return "perminute" in self.name or "per minute" in self.name

    @property
    def zero(self) -> bool:
        return self.value in ("", "0")


@dataclass(slots=True)
class Details:
    """What an error's list of details says."""

    reasons: list[str] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    retry_delay: float | None = None


def read_details(entries: Iterable[Any]) -> Details:
    """The parts of `details` that rules use; entries of another shape are passed over."""
    found = Details()
    for entry in list(entries)[:_MOST_ENTRIES]:
        if not isinstance(entry, dict):
            continue
        reason = entry.get("reason")
        if isinstance(reason, str):
            found.reasons.append(reason)
        _read_limit_of_error_info(entry, found)
        violations = entry.get("violations")
        if isinstance(violations, list):
            found.quotas += [_quota(item) for item in violations[:_MOST_ENTRIES] if isinstance(item, dict)]
        delay = entry.get("retryDelay")
        if isinstance(delay, str):
            found.retry_delay = seconds_in(delay)
    return found


def _read_limit_of_error_info(entry: dict[str, Any], found: Details) -> None:
    metadata = entry.get("metadata")
    if not isinstance(metadata, dict) or "quota_limit" not in metadata:
        return
    value = metadata.get("quota_limit_value")
    found.quotas.append(
        Quota(
            name=str(metadata["quota_limit"])[:200].lower(),
            value="unstated" if value is None else str(value)[:40],
            model="",
        )
    )


def _quota(violation: dict[str, Any]) -> Quota:
    dimensions = violation.get("quotaDimensions")
    model = dimensions.get("model") if isinstance(dimensions, dict) else None
    name = violation.get("quotaId") or violation.get("description") or ""
    return Quota(
        name=str(name)[:200].lower(),
        value=str(violation.get("quotaValue") or "")[:40],
        model=model[:200] if isinstance(model, str) else "",
    )
