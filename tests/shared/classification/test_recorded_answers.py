"""Every recorded answer, and variants in other providers' words, get their true cause."""

from datetime import timedelta
from typing import Any

import pytest

from shared.classification import Confidence, Failure, Scope, classify
from tests.shared.classification.cases import NOW, answer, rows

RECORDED = rows("provider_errors.jsonl")
VARIANTS = rows("variants.jsonl")
# The answer alone cannot tell these from another cause: id -> what is said, with LOW confidence.
UNDECIDABLE = {"mistral-401-quota-hidden": "auth_invalid", "openrouter-401-no-auth": "auth_missing"}


def _id(row: dict[str, Any]) -> str:
    return str(row["id"])


@pytest.mark.parametrize("row", RECORDED, ids=_id)
def test_a_recorded_answer_gets_its_true_cause(row: dict[str, Any]) -> None:
    verdict = classify(Failure.from_row(row), NOW)

    assert verdict.cause == UNDECIDABLE.get(row["id"], row["cause"]), verdict
    if row["id"] in UNDECIDABLE:
        assert verdict.confidence is Confidence.LOW


@pytest.mark.parametrize("row", VARIANTS, ids=_id)
def test_a_variant_in_other_words_gets_its_true_cause(row: dict[str, Any]) -> None:
    failure = answer(
        row["status"],
        row["body"],
        provider=row["provider"],
        model=row.get("model", ""),
        headers=row.get("headers"),
    )

    verdict = classify(failure, NOW)

    assert verdict.cause == row["cause"], verdict
    assert verdict.scope == row.get("scope", verdict.scope), verdict
    if "wait" in row:
        assert verdict.until is not None
        assert verdict.until - NOW == pytest.approx(timedelta(seconds=row["wait"]), abs=timedelta(seconds=1))


@pytest.mark.parametrize(
    "row", [row for row in RECORDED if row["cause"] in ("overloaded", "timeout", "network")], ids=_id
)
def test_faults_of_provider_or_network_never_touch_a_key(row: dict[str, Any]) -> None:
    scope = classify(Failure.from_row(row), NOW).scope

    assert scope in (Scope.PROVIDER, Scope.PROVIDER_MODEL, Scope.EGRESS)


@pytest.mark.parametrize("row", [row for row in RECORDED if row["status"] in (401, 403)], ids=_id)
def test_an_answer_that_is_the_same_for_every_key_of_this_host_has_the_scope_of_the_host(row: dict[str, Any]) -> None:
    blocked = row["cause"] == "network" or "country" in row["id"]

    assert (classify(Failure.from_row(row), NOW).scope is Scope.EGRESS) == blocked


def test_advice_names_both_readings_where_the_answer_has_two() -> None:
    by_id = {row["id"]: classify(Failure.from_row(row), NOW).advice for row in RECORDED}

    assert "endpoint" in by_id["azure-401"]
    assert "plan is spent" in by_id["mistral-401-quota-hidden"]
    assert "probe" in by_id["openrouter-401-no-auth"]
