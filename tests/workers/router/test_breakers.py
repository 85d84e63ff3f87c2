"""An outage opens the breaker of whoever is out, for the whole fleet; one canary closes it. No key suffers."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from shared.clock import SystemClock
from shared.keystate.standing import KeyState, egress_subject, model_subject, provider_subject
from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.conftest import HOST
from tests.workers.router.station import Station, eventually
from workers.router.calls import Answered, Outcome, Unserved
from workers.router.pick import NoneReady, Picked, pick
from workers.router.routes import Routes

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001",))
B = Provider("beta", ("beta-secret-key-0001",))
ALPHA = provider_subject("alpha")


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address of this machine where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


async def asked(station: Station, times: int) -> list[Outcome]:
    """The outcomes of several calls, one after the other."""
    return [(await station.ask())[0] for _ in range(times)]


async def open_alpha(configured: Configured, station: Station, sandbox: Sandbox, *others: Provider) -> None:
    """The provider alpha is out and everybody knows it."""
    configured.publish(A, *others)
    sandbox.control.set_key(A.keys[0], "server_error")
    await asked(station, 5)
    assert set(await station.standings()) == {ALPHA}


async def test_the_fifth_failure_opens_the_breaker_for_the_whole_fleet_and_not_the_fourth(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    configured.publish(A, B)
    sandbox.control.set_key(A.keys[0], "server_error")
    await asked(stations[0], 2)
    await asked(stations[1], 2)
    assert await stations[0].standings() == {}

    await asked(stations[1], 1)

    standing = (await stations[0].standings())[ALPHA]
    assert (standing.state, standing.cause, standing.strikes) == (KeyState.OPEN, "overloaded", 1)
    assert standing.until_ms == standing.since_ms + 10_000
    _, attempts = await stations[0].ask()
    assert [attempt.provider for attempt in attempts] == ["beta"]
    assert sandbox.control.key_total(A.keys[0]) == 5


async def test_five_failures_among_more_answers_open_nothing(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A)
    assert all(isinstance(outcome, Answered) for outcome in await asked(station, 10))
    sandbox.control.set_key(A.keys[0], "server_error")

    await asked(station, 9)
    assert await station.standings() == {}

    await asked(station, 1)  # ten of twenty
    assert set(await station.standings()) == {ALPHA}


@pytest.mark.parametrize("behaviour", ["server_error", "html_5xx", "reset", "empty", "overloaded", "hang"])
async def test_an_outage_never_touches_a_key(
    behaviour: str, configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A, timeout_seconds=0.2)
    sandbox.control.set_default(behaviour)
    for _ in range(6):
        await station.ask()
        assert not any(subject.startswith(("key:", "key_model:")) for subject in await station.standings())
    (standing,) = (await station.standings()).values()
    assert standing.state is KeyState.OPEN


async def test_a_refused_connection_opens_a_breaker_and_touches_no_key(
    nobody: str, configured: Configured, station: Station
) -> None:
    Configured(configured.engine, configured.redis, nobody).publish(A)
    outcomes = await asked(station, 6)
    assert set(await station.standings()) == {ALPHA}
    assert [outcome.cause for outcome in outcomes if isinstance(outcome, Unserved)] == [
        *["network"] * 5,
        "no_candidate",
    ]


async def test_one_overloaded_model_opens_its_own_breaker_and_not_the_providers(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(Provider("alpha", A.keys, kind="gemini"))
    sandbox.control.set_default("overloaded")
    await asked(station, 5)
    assert set(await station.standings()) == {model_subject("alpha/model")}


async def test_a_blocked_way_out_is_closed_at_once_and_on_this_host_only(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    snapshot = configured.publish(A, B)
    sandbox.control.set_key(A.keys[0], "html")

    outcome, attempts = await station.ask()

    assert isinstance(outcome, Answered)
    assert [attempt.provider for attempt in attempts] == ["alpha", "beta"]
    standings = await station.standings()
    assert set(standings) == {egress_subject(HOST, "alpha")}
    for host, provider in ((HOST, "beta"), ("elsewhere", "alpha")):
        candidates = Routes(snapshot, configured.vault, host).candidates("default")
        chosen = pick(candidates, standings, tried=frozenset(), now_ms=SystemClock().now_ms())
        assert isinstance(chosen, Picked)
        assert (chosen.candidate.provider.name, chosen.due) == (provider, ())


async def test_when_its_time_is_over_one_router_asks_and_the_other_passes_to_the_next_provider(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    await open_alpha(configured, stations[0], sandbox, B)
    await stations[0].end_its_time(ALPHA)
    sandbox.control.set_key(A.keys[0], "slow", delay_seconds=0.5)

    outcomes = await asyncio.gather(*(station.ask() for station in stations for _ in range(5)))

    assert all(isinstance(outcome, Answered) for outcome, _ in outcomes)
    assert sorted(attempts[0].provider for _, attempts in outcomes) == ["alpha", *["beta"] * 9]
    assert sandbox.control.key_total(A.keys[0]) == 6
    assert await stations[0].standings() == {}
    assert await stations[0].canaries() == set()


async def test_who_has_nobody_else_to_ask_looks_again_in_a_second(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    await open_alpha(configured, stations[0], sandbox)
    await stations[0].end_its_time(ALPHA)
    sandbox.control.set_key(A.keys[0], "hang")
    canary = asyncio.create_task(stations[0].ask())
    await eventually(lambda: sandbox.control.key_total(A.keys[0]) == 6)

    before = SystemClock().now_ms()
    outcome, attempts = await stations[1].ask()
    canary.cancel()
    await asyncio.wait([canary])

    assert isinstance(outcome, Unserved)
    assert attempts == []
    assert outcome.returns_at_ms is not None
    assert 1000 <= outcome.returns_at_ms - before < 2000
    assert sandbox.control.key_total(A.keys[0]) == 6


async def test_a_canary_that_fails_opens_it_again_at_once_for_twice_the_time(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    await open_alpha(configured, stations[0], sandbox)
    for strikes, seconds in ((2, 20), (3, 40)):
        await stations[0].end_its_time(ALPHA)
        await stations[1].ask()
        standing = (await stations[0].standings())[ALPHA]
        assert standing.until_ms is not None
        assert (standing.strikes, standing.until_ms - standing.since_ms) == (strikes, seconds * 1000)
    assert sandbox.control.key_total(A.keys[0]) == 7
    assert await stations[0].canaries() == set()


async def test_after_a_success_five_failures_are_counted_anew(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    await open_alpha(configured, station, sandbox)
    await station.end_its_time(ALPHA)
    sandbox.control.forget_key(A.keys[0])
    await asked(station, 1)
    assert await station.standings() == {}

    sandbox.control.set_key(A.keys[0], "server_error")
    await asked(station, 4)
    assert await station.standings() == {}
    await asked(station, 1)
    assert (await station.standings())[ALPHA].strikes == 1


async def test_while_it_is_open_nobody_is_asked_and_its_end_is_told(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    await open_alpha(configured, station, sandbox)
    standings = await station.standings()
    chosen = pick(
        station.configuration.routes.candidates("default"),
        standings,
        tried=frozenset(),
        now_ms=SystemClock().now_ms(),
    )
    assert isinstance(chosen, NoneReady)
    assert chosen.returns_at_ms == standings[ALPHA].until_ms
    assert chosen.reasons == ("alpha key 1 with alpha/model: open (overloaded)",)
