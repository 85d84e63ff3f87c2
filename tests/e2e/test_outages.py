"""Redis or SQL goes away under load and comes back: nothing is lost or paid for twice, all goes on by itself.

The short version of `make chaos ARGS=--outages`.
"""

import pytest

from tests.chaos.outages import run_outages
from tests.chaos.outages_kinds import WIPE
from tests.chaos.outages_measuring import Outage

_PLANS = {
    "sqlite": [
        Outage("redis cut", 1),
        Outage("redis cut after executed", 1),
        Outage("sqlite locked", 8),
        Outage(WIPE, 0),
    ],
    "postgresql": [
        Outage("redis killed", 1),
        Outage("postgresql stopped", 1),
        Outage("postgresql killed", 1),
    ],
}


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("database", sorted(_PLANS))
def test_a_store_that_goes_and_comes_back_costs_nothing_but_time(database: str) -> None:
    result = run_outages(_PLANS[database], database=database, unfinished=12, reply_seconds=0.1, stop_workers=False)

    assert not result.failed, "\n".join(result.lines())
    assert result.verdict.repeated == 0, "\n".join(result.lines())
    assert all(outage.moving_after_ms for outage in result.outages)
