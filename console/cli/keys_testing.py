"""`watchkeeper keys test`: are the keys accepted?"""

from typing import Any

from console.cli.opening import Opened, opened
from console.cli.output import print_json, print_table, say
from console.keys import release
from console.probing import Subject, ask_all, read_subjects
from shared.clock import SystemClock
from shared.config.editing_rows import find_row
from shared.db.reading import reading
from shared.jobs.due import make_due
from shared.probing import Outcome, Proof
from shared.redis.connect import redis_problems


def test_keys(label: str | None, *, timeout_seconds: float, lift: bool, as_json: bool) -> int:
    """Test the key called `label`, or all; `lift` releases those that pass. Returns the exit code."""
    with opened() as stores:
        vault = stores.sealer().vault
        with reading(stores.engine) as connection:
            if label is not None:
                find_row(connection, "key", label)
            subjects = read_subjects(connection, vault, label)
        proofs = ask_all(subjects, timeout_seconds=timeout_seconds, clock=SystemClock())
        found = list(zip(subjects, proofs, strict=True))
        released = _release(stores, found) if lift else {}
    rows = [_row(subject, proof, released.get(subject.label, 0)) for subject, proof in found]
    if as_json:
        print_json(rows)
    else:
        columns = ("label", "provider", "mask", "outcome", "words")
        print_table(
            ("label", "provider", "key", "outcome", "what was said"),
            ([row[name] for name in columns] for row in rows),
            empty="no active keys to test: `watchkeeper keys add groq`",
        )
        say("a list of models proves the key, not the balance behind it")
        for name, count in released.items():
            if count:
                say(f"key {name!r} is back in use")
    outcomes = {proof.outcome for proof in proofs}
    if Outcome.FAILED in outcomes:
        return 1
    return 4 if Outcome.UNTESTED in outcomes else 0


def _release(stores: Opened, found: list[tuple[Subject, Proof]]) -> dict[str, int]:
    """Lift what keeps the keys that passed out of use; how many standings that were, by label."""
    with redis_problems(stores.settings.locations.redis_url):
        lifted = {
            subject.label: release(stores.redis, subject.fingerprint)
            for subject, proof in found
            if proof.outcome is Outcome.OK
        }
    if any(lifted.values()):
        with stores.engine.begin() as connection:
            make_due(connection)
    return lifted


def _row(subject: Subject, proof: Proof, released: int) -> dict[str, Any]:
    verdict = proof.verdict
    return {
        "label": subject.label,
        "provider": subject.provider,
        "mask": subject.mask,
        "outcome": proof.outcome.value,
        "words": proof.words,
        "models": proof.models,
        "cause": verdict.cause.value if verdict else None,
        "confidence": verdict.confidence.value if verdict else None,
        "advice": verdict.advice if verdict else None,
        "released": released,
    }
