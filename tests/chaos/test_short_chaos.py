"""The short version of `make chaos`: every kind of kill, on both databases."""

import pytest

from tests.chaos.blows import OTHERS, POINTS, Blow, blows, evenly
from tests.chaos.running import run_chaos

_SEED = 20261121


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_job_is_lost_or_paid_for_twice_whatever_is_killed(database: str) -> None:
    others = [Blow(target, 0.1, 0.3) for target in OTHERS]
    sequence = [*evenly(_SEED, 1), *others, Blow("worker", 0.1, 0.5)]

    result = run_chaos(sequence, seed=_SEED, database=database)

    assert not result.failed, "\n".join(result.lines())
    assert not result.recovery.not_reached
    assert set(result.recovery.hits) == {*POINTS, *OTHERS, "worker"}


def test_a_seed_repeats_its_sequence() -> None:
    assert list(blows(7, 50, 0.2)) == list(blows(7, 50, 0.2))
    assert list(blows(7, 50, 0.2)) != list(blows(8, 50, 0.2))
    assert {blow.target for blow in blows(7, 400, 0.2)} == {*POINTS, *OTHERS, "worker"}
