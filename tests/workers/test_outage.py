"""What becomes of a job that nobody can serve: a table."""

import pytest

from workers.agent.endings import Failed, Outage
from workers.journal.records import ClaimedJob
from workers.outage import Park, Wait, plan_outage

NOW = 1_000_000
MINUTE = 60_000


def job(*, deadline_ms: int | None = None, yields: int = 0) -> ClaimedJob:
    """A claimed job."""
    return ClaimedJob("id", "default", 1, [], None, 1, deadline_ms, NOW, NOW, yields)


def outage(returns_at_ms: int | None, *, cause: str = "rate_limit_short", policy: str = "wait") -> Outage:
    """What the router found."""
    return Outage(cause, ("Key 1 with a/m: cooling (rate_limit_short)",), returns_at_ms, policy)


@pytest.mark.parametrize(
    ("found", "yields", "jitter", "run_after"),
    [
        (outage(NOW + 5000), 0, 0.0, NOW + 5050),
        (outage(NOW + 5000), 9, 1.0, NOW + 6050),
        (outage(NOW - 5000), 0, 0.0, NOW + 50),
        (outage(None, cause="overloaded"), 0, 0.0, NOW + 1000),
        (outage(None, cause="overloaded"), 3, 0.0, NOW + 8000),
        (outage(None, cause="overloaded"), 3, 0.5, NOW + 12_000),
        (outage(None, cause="overloaded"), 500, 0.0, NOW + MINUTE),
    ],
)
def test_it_waits_until_a_key_returns_or_backs_off(found: Outage, yields: int, jitter: float, run_after: int) -> None:
    decided = plan_outage(job(yields=yields), found, now_ms=NOW, jitter=jitter)
    assert isinstance(decided, Wait)
    assert decided.run_after_ms == run_after
    assert "Key 1 with a/m: cooling" in decided.why


def test_with_nothing_configured_it_is_parked_and_looked_at_every_five_minutes() -> None:
    decided = plan_outage(job(), Outage("no_candidate", (), None, "wait"), now_ms=NOW, jitter=0.5)
    assert decided == Park(NOW + 5 * MINUTE + 30_000, "no_candidate: no model of the agent has a key")


@pytest.mark.parametrize("returns_at_ms", [NOW + 5000, None])
def test_an_agent_that_shall_not_wait_fails_at_once_and_says_when_to_try_again(returns_at_ms: int | None) -> None:
    decided = plan_outage(job(), outage(returns_at_ms, policy="fail"), now_ms=NOW, jitter=0.0)
    assert isinstance(decided, Failed)
    assert decided.cause == "rate_limit_short"
    assert ("Try again at 1970-01-01 00:16:45 UTC." if returns_at_ms else "Nobody knows yet") in decided.message


@pytest.mark.parametrize(
    ("deadline_ms", "fails"), [(NOW + 5050, True), (NOW + 5049, True), (NOW + 5051, False), (None, False)]
)
def test_it_fails_when_its_deadline_comes_before_the_return(deadline_ms: int | None, fails: bool) -> None:
    decided = plan_outage(job(deadline_ms=deadline_ms), outage(NOW + 5000), now_ms=NOW, jitter=0.0)
    assert isinstance(decided, Failed) is fails
    if isinstance(decided, Failed):
        assert "before its deadline" in decided.message
