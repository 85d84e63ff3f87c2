"""The pure choice: the first candidate that nothing speaks against, and why the others were passed over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.keystate.standing import Standing
from workers.router.routes import Candidate


@dataclass(frozen=True, slots=True)
class Picked:
    """Ask this one."""

    candidate: Candidate


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
        tried: subjects (and `provider:<name>`) this call has failed on already.
    """
    passed: list[Candidate] = []
    if not standings and not tried:
        for candidate in candidates:
            return Picked(candidate)
    for candidate in candidates:
        if _blocking(candidate, standings, now_ms) is None and not _was_tried(candidate, tried):
            return Picked(candidate)
        passed.append(candidate)
    reasons = []
    returns: list[int] = []
    for candidate in passed:
        standing = _blocking(candidate, standings, now_ms)
        if standing is None:
            reasons.append(f"{candidate.label} with {candidate.model.id}: failed in this call")
            continue
        reasons.append(f"{candidate.label} with {candidate.model.id}: {standing.state} ({standing.cause})")
        if standing.until_ms is not None:
            returns.append(standing.until_ms)
    return NoneReady(min(returns, default=None), tuple(reasons))


def provider_subject(name: str) -> str:
    """How `tried` names a whole provider."""
    return f"provider:{name}"


def _was_tried(candidate: Candidate, tried: frozenset[str]) -> bool:
    return provider_subject(candidate.provider.name) in tried or not tried.isdisjoint(candidate.subjects)


def _blocking(candidate: Candidate, standings: Mapping[str, Standing], now_ms: int) -> Standing | None:
    """The standing that keeps the candidate out longest, if any does."""
    worst: Standing | None = None
    for subject in candidate.subjects:
        standing = standings.get(subject)
        if standing is None or not standing.blocks(now_ms):
            continue
        if worst is None or (
            worst.until_ms is not None and (standing.until_ms is None or standing.until_ms > worst.until_ms)
        ):
            worst = standing
    return worst
