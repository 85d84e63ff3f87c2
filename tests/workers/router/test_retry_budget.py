"""An outage is not met with a multiple of the load: over the fleet's budget a call comes back later instead."""

import asyncio

import pytest
import structlog

from shared.keystate.retry_budget import ALWAYS
from shared.redis.names import RETRY_BUDGET
from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import Station
from workers.router.calls import Answered, Unserved

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001",))
B = Provider("beta", ("beta-secret-key-0001",))


async def test_over_the_budget_a_call_comes_back_soon_and_the_fleet_tells_it_once(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    configured.publish(A, B)
    await stations[0].client.hset(RETRY_BUDGET, "retries", str(ALWAYS))
    sandbox.control.set_key(A.keys[0], "server_error")

    with structlog.testing.capture_logs() as events:
        asked = [await station.ask() for station in stations]

    for station, (outcome, attempts) in zip(stations, asked, strict=True):
        assert isinstance(outcome, Unserved)
        assert (outcome.cause, len(attempts)) == ("overloaded", 1)
        assert outcome.returns_at_ms is not None
        assert 0 < outcome.returns_at_ms - station.fleet.now_ms() <= 2_000  # by the clock it was told with
    assert sandbox.control.key_total(B.keys[0]) == 0
    assert sum(event["event"] == "router.retry_budget_spent" for event in events) == 1


async def test_calls_and_their_retries_are_counted_and_a_dead_key_is_no_retry(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    configured.publish(A, B)
    sandbox.control.set_key(A.keys[0], "invalid")
    outcomes = await asyncio.gather(*(station.ask() for _ in range(10) for station in stations))
    assert all(isinstance(outcome, Answered) for outcome, _ in outcomes)
    assert await stations[0].client.hgetall(RETRY_BUDGET) == {"calls": "20"}

    sandbox.control.set_key(B.keys[0], "server_error")
    await stations[0].ask()
    assert await stations[0].client.hgetall(RETRY_BUDGET) == {"calls": "21", "retries": "1"}
