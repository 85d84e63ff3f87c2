"""What a worker learns while Redis is away: it holds to it, and tells the fleet afterwards."""

import os
import signal
from typing import Any

import pytest

from shared.keystate.standing import KeyState, key_subject
from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.servers import run_valkey
from tests.workers.router.conftest import open_station
from tests.workers.router.station import eventually
from workers.router.calls import Answered

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001", "alpha-secret-key-0002"))


async def test_a_dead_key_is_asked_once_though_redis_is_frozen_and_the_fleet_hears_of_it_later(
    configured: Configured, sandbox: Sandbox, litellm: Any
) -> None:
    configured.publish(A)
    with run_valkey() as url:
        async with open_station(configured, url, litellm, "A") as station:
            outcome, _ = await station.ask()
            assert isinstance(outcome, Answered)
            pid = (await station.client.info("server"))["process_id"]
            before = sandbox.control.key_total(A.keys[0])
            sandbox.control.set_key(A.keys[0], "invalid")
            os.kill(pid, signal.SIGSTOP)
            try:
                for _ in range(4):
                    outcome, attempts = await station.ask()
                    assert isinstance(outcome, Answered)
                    assert attempts[-1].key_label == "alpha key 2"
            finally:
                os.kill(pid, signal.SIGCONT)
            assert sandbox.control.key_total(A.keys[0]) == before + 1

            await eventually(lambda: not station.fleet.away)
            standings = await station.standings()
            assert {subject: one.state for subject, one in standings.items()} == {
                key_subject(configured.fingerprint(A.keys[0])): KeyState.QUARANTINED
            }
