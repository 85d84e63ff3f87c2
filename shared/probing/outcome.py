"""What the answer to a listing says about the key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.classification import Cause, Confidence, Failure, Scope, Verdict, classify
from shared.probing.listing import listing_of


class Outcome(StrEnum):
    """What one question proved."""

    OK = "ok"  # the provider accepted the key
    FAILED = "failed"  # it did not, or could not be asked
    UNTESTED = "untested"  # nothing was proved either way


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome in words; `verdict` where it failed, `models` where a list came."""

    outcome: Outcome
    words: str
    models: int | None = None
    verdict: Verdict | None = None


def untested(kind: str) -> Proof:
    """The proof of a kind that cannot be asked for free."""
    if listing_of(kind).path is None:
        return Proof(Outcome.UNTESTED, f"{kind} has no address that tests a key for free: run a small job with it")
    return Proof(Outcome.UNTESTED, "nobody knows where it is: give the provider a base address (--api-base)")


def read_answer(kind: str, status: int, headers: Mapping[str, str], body: str, *, now: datetime) -> Proof:
    """What an HTTP answer to `question` proves."""
    if status == 200 and (listed := _listed(body)) is not None:
        if listing_of(kind).public:
            return Proof(Outcome.UNTESTED, "reachable; its list of models is public and proves no key", listed)
        return Proof(Outcome.OK, "ok" if listed < 0 else f"ok, {listed} models", None if listed < 0 else listed)
    verdict = classify(Failure(kind, "", "http", status, headers, body), now)
    if verdict.cause is Cause.PERMISSION and verdict.scope is not Scope.EGRESS:
        # The provider knew who asked: the key lives, it just may not list.
        return Proof(Outcome.OK, "ok: the key is accepted, but may not list models")
    if status == 200:
        return Proof(Outcome.FAILED, "the answer is no list of models: check the base address", verdict=verdict)
    if status == 404 and verdict.confidence is Confidence.LOW:
        return Proof(Outcome.UNTESTED, "there is no list of models at its base address (404)", verdict=verdict)
    return _failed(verdict)


def read_failure(failure: Failure, *, now: datetime) -> Proof:
    """What a question without an answer proves."""
    return _failed(classify(failure, now))


def _failed(verdict: Verdict) -> Proof:
    return Proof(Outcome.FAILED, f"{verdict.cause.value}: {verdict.advice}", verdict=verdict)


def _listed(body: str) -> int | None:
    """How many models the body lists; -1 for an object about the key itself; None when it is neither."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):  # Together sends a bare list
        return len(found)
    if not isinstance(found, dict) or found.get("error"):
        return None
    for name in ("data", "models"):
        if isinstance(found.get(name), list):
            return len(found[name])
    return -1 if isinstance(found.get("data"), dict) and "label" in found["data"] else None
