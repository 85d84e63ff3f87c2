"""Standings are measured by Redis's clock: a wrong or jumping clock of one host neither holds nor releases a key."""

from dataclasses import dataclass
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.keystate.standing import KeyState, Standing
from shared.keystate.store import read_fleet
from shared.redis.connect import connect_redis_async
from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.conftest import open_station
from workers.router.calls import Unserved
from workers.router.fleet import FleetReader

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001",))
HOUR = 3_600_000


@dataclass
class WrongClock(SystemClock):
    """Its wall time is off by as much; its monotonic time is right."""

    off_ms: int = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.off_ms


@pytest.mark.parametrize("off_ms", [-HOUR, HOUR])
async def test_the_end_that_a_provider_states_is_the_same_on_a_host_whose_clock_is_wrong(
    off_ms: int, configured: Configured, sandbox: Sandbox, redis_url: str, litellm: Any
) -> None:
    configured.publish(A)
    sandbox.control.set_key(A.keys[0], "rate_limit", retry_after_seconds=50)
    async with open_station(configured, redis_url, litellm, "A", clock=WrongClock(off_ms)) as station:
        outcome, _ = await station.ask()
        (standing,) = (await station.standings()).values()
        assert standing.state is KeyState.COOLING
        assert standing.until_ms is not None
        assert 45_000 < standing.until_ms - standing.since_ms < 75_000
        assert isinstance(outcome, Unserved)
        assert outcome.returns_at_ms == standing.until_ms
        assert sandbox.control.key_total(A.keys[0]) == 1

        again, attempts = await station.ask()  # it is held on this host too
        assert isinstance(again, Unserved)
        assert attempts == []


@pytest.mark.parametrize("jump_ms", [-HOUR, HOUR])
async def test_a_jump_while_redis_is_away_releases_and_holds_nobody(jump_ms: int, redis_url: str) -> None:
    clock = WrongClock()
    client = connect_redis_async(redis_url, connections=2)
    fleet = FleetReader(client, clock)
    before = await fleet.read()
    fleet.note("key:f", Standing(KeyState.QUARANTINED, before.now_ms + 300_000, before.now_ms, 1, "auth_invalid", ""))

    clock.off_ms = jump_ms

    known = fleet._without_redis()
    assert 0 <= known.now_ms - before.now_ms < 10_000
    assert known.standings["key:f"].blocks(known.now_ms)
    assert abs((await read_fleet(client)).now_ms - fleet.now_ms()) < 1_000
    await fleet.stop()
    await client.aclose()
