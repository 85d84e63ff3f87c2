"""Redis answers, but takes no writes (full, a replica, its disk broken): what a worker learns holds all the same."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

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


@pytest.mark.parametrize(
    ("refuse", "again"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")),
    ],
)
async def test_a_dead_key_is_asked_once_and_the_fleet_hears_of_it_later(
    configured: Configured, sandbox: Sandbox, litellm: Any, refuse: tuple[str, ...], again: tuple[str, ...]
) -> None:
    configured.publish(A)
    with run_valkey() as url:
        async with open_station(configured, url, litellm, "A") as station:
            outcome, _ = await station.ask()
            assert isinstance(outcome, Answered)
            before = sandbox.control.key_total(A.keys[0])
            sandbox.control.set_key(A.keys[0], "invalid")
            await station.client.execute_command(*refuse)
            with capture_logs() as logs:
                for _ in range(8):
                    outcome, attempts = await station.ask()
                    assert isinstance(outcome, Answered)
                    assert attempts[-1].key_label == "alpha key 2"
                    await asyncio.sleep(0.25)
            assert sandbox.control.key_total(A.keys[0]) == before + 1
            assert [entry["event"] for entry in logs].count("router.redis_away") == 1

            await station.client.execute_command(*again)
            await eventually(lambda: not station.fleet.away)
            standings = await station.standings()
            assert {subject: one.state for subject, one in standings.items()} == {
                key_subject(configured.fingerprint(A.keys[0])): KeyState.QUARANTINED
            }
