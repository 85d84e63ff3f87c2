"""Whom the agents can turn to right now: a pure answer from a snapshot and the key states."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.config.snapshot import Snapshot
from shared.keystate.standing import Standing, key_model_subject, key_subject, model_subject


@dataclass(frozen=True, slots=True)
class Readiness:
    """Of one agent: ways to ask (a model with a key) that exist, and how many of them nothing speaks against."""

    agent: str
    candidates: int
    ready: int
    returns_at_ms: int | None
    """When the first one comes back by itself; None = one is ready, or only a person can bring one back."""


def readiness(snapshot: Snapshot, standings: Mapping[str, Standing], now_ms: int) -> list[Readiness]:
    """One per agent, by name."""
    return [_of_agent(snapshot, name, standings, now_ms) for name in sorted(snapshot.agents)]


def ways(snapshot: Snapshot, agent: str) -> list[tuple[str, ...]]:
    """The agent's candidates in order, each as the subjects that can take it out of traffic."""
    found: list[tuple[str, ...]] = []
    for model_id in snapshot.agents[agent].models:
        model = snapshot.models.get(model_id)
        if model is None:
            continue
        if snapshot.providers[model.provider].auth == "none":
            found.append((model_subject(model_id),))
        found += [
            (key_subject(key.fingerprint), model_subject(model_id), key_model_subject(key.fingerprint, model_id))
            for key in snapshot.keys_of(model.provider)
            if snapshot.providers[model.provider].auth != "none"
        ]
    return found


def _of_agent(snapshot: Snapshot, agent: str, standings: Mapping[str, Standing], now_ms: int) -> Readiness:
    candidates = ways(snapshot, agent)
    blocked = [
        [standings[subject] for subject in way if subject in standings and standings[subject].blocks(now_ms)]
        for way in candidates
    ]
    ready = sum(not standing for standing in blocked)
    returns = [
        max(standing.until_ms for standing in way if standing.until_ms is not None)
        for way in blocked
        if way and all(standing.until_ms is not None for standing in way)
    ]
    return Readiness(agent, len(candidates), ready, None if ready else min(returns, default=None))
