"""One check and its findings."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from shared.secret import redact


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"  # works, but will hurt one day
    FAIL = "fail"  # does not work now


@dataclass(frozen=True, slots=True)
class Finding:
    """A result in words; `mend` is the command or change that makes it ok; `stores`: SQL or Redis fails."""

    check: str
    level: Level
    words: str
    mend: str | None = None
    stores: bool = False


class Check(NamedTuple):
    """A named question; it returns findings of its own name."""

    name: str
    ask: Callable[[], list[Finding]]


_STORES_AWAY: Final = 3
_DEGRADED: Final = 4


def run_checks(checks: list[Check]) -> list[Finding]:
    """Ask them all. One that breaks is a finding itself: the doctor never falls over the patient."""
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check.ask()
        except Exception as error:  # whatever state a host is in, the other checks are still asked
            words = f"{type(error).__name__}: {redact(str(error))}".splitlines()[0]
            findings.append(Finding(check.name, Level.FAIL, f"the check itself broke: {words}"))
    return findings


def exit_code(findings: list[Finding]) -> int:
    """0 fine (perhaps with warnings), 3 a store is away, 4 something else fails."""
    failed = [finding for finding in findings if finding.level is Level.FAIL]
    if any(finding.stores for finding in failed):
        return _STORES_AWAY
    return _DEGRADED if failed else 0
