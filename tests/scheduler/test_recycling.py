"""The scheduler asks for a replacement once, of the right incarnation, and again when nobody obeys."""

import pytest
from redis import Redis
from sqlalchemy import Engine

from scheduler.recycling import ASK_AGAIN_SECONDS, Recycling
from scheduler.recycling_policy import stretched
from shared.config.publishing import newest_generation
from shared.db.reading import reading
from shared.redis.names import ORDERS
from shared.supervision.limits import Limits
from shared.supervision.orders import Action, Order, take_orders
from tests.moved_clock import MovedClock
from tests.rows import Rows
from watchkeeper.clock import db_now

LIMITS = Limits(jobs=100, age_seconds=0, rss_mb=0, connections=0, loop_lag_ms=2000, at_once=1)
NOW = 0


@pytest.fixture
def recycling(engine: Engine, client: Redis, clock: MovedClock) -> Recycling:
    """The part under test."""
    return Recycling(engine, client, clock, LIMITS)


def orders(client: Redis, supervisor: str = "s") -> list[Order]:
    """What the supervisor was asked, taken."""
    return take_orders(client, supervisor, 0.01)


def test_a_worker_over_a_limit_is_asked_for_once_with_the_reason(
    recycling: Recycling, rows: Rows, client: Redis
) -> None:
    rows.incarnation("A", supervisor="s", jobs_done=500)
    rows.incarnation("B", supervisor="s", jobs_done=5)

    assert recycling.run_once(NOW).did == {"asked": 1}
    assert not recycling.run_once(NOW)

    assert orders(client) == [
        Order(Action.RECYCLE, why=f"jobs: 500 done (its limit {_own_limit('A')})", by="scheduler", incarnation="A")
    ]


def test_an_order_nobody_obeys_is_given_again_and_a_draining_worker_is_left_alone(
    recycling: Recycling, rows: Rows, client: Redis, clock: MovedClock
) -> None:
    rows.incarnation("A", supervisor="s", jobs_done=500)
    recycling.run_once(NOW)
    clock.move(ASK_AGAIN_SECONDS - 1)
    assert not recycling.run_once(NOW)
    clock.move(1)
    assert recycling.run_once(NOW)
    assert len(orders(client)) == 2

    rows.change_incarnation("A", state="draining")
    clock.move(ASK_AGAIN_SECONDS)
    assert not recycling.run_once(NOW)


def test_the_next_one_waits_until_the_first_has_gone(
    recycling: Recycling, rows: Rows, client: Redis, clock: MovedClock
) -> None:
    rows.incarnation("A", supervisor="s", jobs_done=500)
    rows.incarnation("B", supervisor="s", jobs_done=500)
    rows.incarnation("C", supervisor="other", jobs_done=500)
    assert recycling.run_once(NOW).did == {"asked": 2}  # one of each supervisor
    (first,) = orders(client)
    assert first.incarnation is not None
    rows.change_incarnation(first.incarnation, state="draining")
    clock.move(300)
    recycling.run_once(NOW)
    assert orders(client) == []

    rows.change_incarnation(first.incarnation, ended_at=1)
    recycling.run_once(NOW)
    assert [order.incarnation for order in orders(client)] == [({"A", "B"} - {first.incarnation}).pop()]


def test_lag_counts_only_when_three_heartbeats_in_a_row_tell_of_it(recycling: Recycling, rows: Rows) -> None:
    rows.incarnation("A", supervisor="s", heartbeat=1, loop_lag_ms=3000)
    rows.change_incarnation("A", started_at=db_now() - 120_000)
    for heartbeat, lag in ((1, 3000), (2, 3000), (3, 10), (4, 3000), (5, 3000), (5, 3000)):
        rows.change_incarnation("A", heartbeat=heartbeat, loop_lag_ms=lag)
        assert not recycling.run_once(NOW)
    rows.change_incarnation("A", heartbeat=6)
    assert recycling.run_once(NOW)


def test_a_worker_that_stays_behind_goes_once_others_proved_that_the_configuration_can_be_built(
    recycling: Recycling, rows: Rows, clock: MovedClock, client: Redis
) -> None:
    with reading(rows.engine) as connection:
        newest = newest_generation(connection)
    rows.incarnation("A", supervisor="s", generation=newest + 7)
    recycling.run_once(NOW)
    clock.move(300)
    assert not recycling.run_once(NOW)  # nobody reached the newest: a replacement would not either

    rows.incarnation("B", supervisor="s", generation=newest)
    recycling.run_once(NOW)
    clock.move(61)
    assert recycling.run_once(NOW)
    (order,) = orders(client)
    assert order.incarnation == "A" and "failed reload" in order.why


def test_workers_without_a_supervisor_and_those_of_one_job_are_left_alone(recycling: Recycling, rows: Rows) -> None:
    rows.incarnation("A", jobs_done=500)
    rows.incarnation("B", supervisor="s", alone_with="job", jobs_done=500)
    assert not recycling.run_once(NOW)


def test_redis_away_asks_later(engine: Engine, rows: Rows, away: Redis, client: Redis, clock: MovedClock) -> None:
    rows.incarnation("A", supervisor="s", jobs_done=500)
    assert not Recycling(engine, away, clock, LIMITS).run_once(NOW)
    assert Recycling(engine, client, clock, LIMITS).run_once(NOW)
    assert 0 < client.ttl(ORDERS + "s") <= 60


def _own_limit(incarnation: str) -> int:
    return stretched(LIMITS, incarnation).jobs
