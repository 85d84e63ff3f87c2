"""Which key and provider a failure leads to next, over real HTTP."""

from datetime import timedelta

import pytest

from shared.clock import SystemClock
from shared.keystate.standing import KeyState, key_subject
from shared.redis.names import KEY_STATES
from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import Station
from workers.router.calls import Answered, Call, Gone, Refused, Unserved

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001", "alpha-secret-key-0002"))
B = Provider("beta", ("beta-secret-key-0001",))


async def test_an_invalid_key_is_tried_once_by_the_whole_fleet(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    configured.publish(A)
    sandbox.control.set_key(A.keys[0], "invalid")

    outcome, attempts = await stations[0].ask()
    again, attempts_of_another = await stations[1].ask()

    assert isinstance(outcome, Answered)
    assert isinstance(again, Answered)
    assert [(a.key_label, a.cause) for a in attempts] == [("alpha key 1", "auth_invalid"), ("alpha key 2", None)]
    assert [a.key_label for a in attempts_of_another] == ["alpha key 2"]
    assert sandbox.control.key_total(A.keys[0]) == 1
    assert sandbox.control.key_total(A.keys[1]) == 2
    (standing,) = (await stations[0].standings()).values()
    assert standing.state is KeyState.QUARANTINED


async def test_a_rate_limited_key_cools_until_the_stated_time(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A)
    sandbox.control.set_key(A.keys[0], "rate_limit", retry_after_seconds=30)
    before = SystemClock().now_ms()

    outcome, _ = await station.ask()

    assert isinstance(outcome, Answered)
    standings = await station.standings()
    standing = standings[next(iter(standings))]
    assert len(standings) == 1
    assert standing.state is KeyState.COOLING
    assert standing.until_ms is not None
    assert timedelta(seconds=25) < timedelta(milliseconds=standing.until_ms - before) < timedelta(seconds=40)


@pytest.mark.parametrize("behaviour", ["server_error", "overloaded", "html_5xx", "reset"])
async def test_a_fault_of_the_provider_leads_to_another_provider_and_touches_no_key(
    behaviour: str, configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A, B)
    for key in A.keys:
        sandbox.control.set_key(key, behaviour)

    outcome, attempts = await station.ask()

    assert isinstance(outcome, Answered)
    assert outcome.candidate.provider.name == "beta"
    assert attempts[0].cause in ("overloaded", "network")
    assert not any(subject.startswith("key:") for subject in await station.standings())


@pytest.mark.parametrize("behaviour", ["bad_request", "context_window", "content_policy"])
async def test_a_fault_of_the_request_is_told_and_nobody_else_is_asked(
    behaviour: str, configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A, B)
    sandbox.control.set_default(behaviour)

    outcome, attempts = await station.ask()

    assert isinstance(outcome, Refused)
    assert outcome.cause == behaviour
    assert outcome.advice
    assert (len(attempts), sandbox.control.calls()["total"]) == (1, 1)
    assert await station.standings() == {}


async def test_a_hanging_provider_costs_the_agents_timeout_and_no_more(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A, B, timeout_seconds=0.4)
    for key in A.keys:
        sandbox.control.set_key(key, "hang")

    outcome, attempts = await station.ask()

    assert isinstance(outcome, Answered)
    assert attempts[0].cause == "timeout"
    assert 400 <= attempts[0].duration_ms < 3000
    assert await station.standings() == {}


async def test_a_deadline_shortens_the_timeout(configured: Configured, station: Station, sandbox: Sandbox) -> None:
    configured.publish(B, timeout_seconds=60)
    sandbox.control.set_default("hang")

    outcome, attempts = await station.ask(deadline_ms=SystemClock().now_ms() + 300)

    assert isinstance(outcome, Unserved)
    assert attempts[0].duration_ms < 3000


@pytest.mark.parametrize("behaviour", ["empty", "error_in_200"])
async def test_a_200_without_an_answer_is_a_failure(
    behaviour: str, configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A, B)
    for key in A.keys:
        sandbox.control.set_key(key, behaviour)

    outcome, attempts = await station.ask()

    assert isinstance(outcome, Answered)
    assert outcome.candidate.provider.name == "beta"
    assert all(attempt.cause is not None for attempt in attempts[:-1])


async def test_when_nobody_is_left_the_earliest_return_is_known_and_nobody_is_asked_again(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A)
    sandbox.control.set_key(A.keys[0], "rate_limit", retry_after_seconds=50)
    sandbox.control.set_key(A.keys[1], "rate_limit", retry_after_seconds=20)

    first, _ = await station.ask()
    second, attempts = await station.ask()

    assert isinstance(first, Unserved)
    assert isinstance(second, Unserved)
    assert first.cause == "rate_limit_short"
    assert first.returns_at_ms == second.returns_at_ms
    standings = (await station.standings()).values()
    assert first.returns_at_ms == min(standing.until_ms or 0 for standing in standings)
    assert attempts == []


async def test_passing_faults_end_a_call_after_three_attempts(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(*(Provider(f"p{number}", (f"p{number}-secret-key-0001",)) for number in range(5)))
    sandbox.control.set_default("server_error")

    outcome, attempts = await station.ask()

    assert isinstance(outcome, Unserved)
    assert len(attempts) == 3


async def test_a_key_that_serves_again_after_its_time_is_cleared(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(B)
    sandbox.control.set_key(B.keys[0], "invalid")
    await station.ask()
    subject = key_subject(configured.fingerprint(B.keys[0]))
    ends = (await station.standings())[subject].until_ms
    text = str(configured.redis.hget(KEY_STATES, subject))
    assert str(ends) in text
    configured.redis.hset(KEY_STATES, subject, text.replace(str(ends), "1"))
    sandbox.control.reset()

    outcome, _ = await station.ask()

    assert isinstance(outcome, Answered)
    assert await station.standings() == {}


async def test_a_removed_agent_is_told(configured: Configured, station: Station) -> None:
    configured.publish(B)
    assert await station.router.serve(Call("nobody", 1, [], [], None)) == Gone()


async def test_a_new_generation_is_used_by_the_next_attempt(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(A)
    first, _ = await station.ask()
    snapshot = configured.publish(B)

    second, attempts = await station.ask()

    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert [a.generation for a in attempts] == [snapshot.generation]
    assert second.candidate.provider.name == "beta"
