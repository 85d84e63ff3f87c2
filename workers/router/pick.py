"""The pure choice: the first candidate that nothing speaks against, and why the others were passed over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.keystate.standing import Standing
from workers.router.routes import Candidate


@dataclass(frozen=True, slots=True)
class Picked:
    """Ask this one.

    Attributes:
        due: its subjects whose time aside is over but who have not served since: one canary of the fleet may try.
    """

    candidate: Candidate
    due: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoneReady:
    """Nothing can be asked now.

    Attributes:
        returns_at_ms: the earliest time one comes back by itself; None when only a person can bring one back.
        reasons: for each candidate, in order, why not.
    """

    returns_at_ms: int | None
    reasons: tuple[str, ...]


def pick(
    candidates: Iterable[Candidate], standings: Mapping[str, Standing], *, tried: frozenset[str], now_ms: int
) -> Picked | NoneReady:
    """The first of `candidates` that is neither set aside nor covered by `tried`.

    Args:
        tried: subjects this call has failed on already, or that a canary elsewhere is trying.
    """
    passed: list[Candidate] = []
    for candidate in candidates:
        if not tried.isdisjoint(candidate.subjects) or _blocking(candidate, standings, now_ms) is not None:
            passed.append(candidate)
            continue
        return Picked(candidate, tuple(subject for subject in candidate.subjects if subject in standings))
    returns = [
        standing.until_ms
        for candidate in passed
        if (standing := _blocking(candidate, standings, now_ms)) is not None and standing.until_ms is not None
    ]
    return NoneReady(min(returns, default=None), reasons(passed, standings, now_ms=now_ms))


def reasons(passed: Iterable[Candidate], standings: Mapping[str, Standing], *, now_ms: int) -> tuple[str, ...]:
    """Why each of `passed` was not asked, in words."""
    words = []
    for candidate in passed:
        standing = _blocking(candidate, standings, now_ms)
        why = f"{standing.state} ({standing.cause})" if standing else "failed in this call, or is being probed"
        words.append(f"{candidate.label} with {candidate.model.id}: {why}")
    return tuple(words)


def _blocking(candidate: Candidate, standings: Mapping[str, Standing], now_ms: int) -> Standing | None:
    """The standing that keeps the candidate out longest, if any does."""
    worst: Standing | None = None
    if not standings:
        return None
    for subject in candidate.subjects:
        standing = standings.get(subject)
        if standing is None or not standing.blocks(now_ms):
            continue
        if worst is None or (
            worst.until_ms is not None and (standing.until_ms is None or standing.until_ms > worst.until_ms)
        ):
            worst = standing
    return worst
