"""Two schedulers, one leader."""

import pytest
from sqlalchemy import Engine, select, update

from scheduler.leader import LEASE_SECONDS, RENEW_SECONDS, Leader
from shared.db.reading import reading
from shared.db.tables import leases
from tests.moved_clock import MovedClock


@pytest.fixture
def leaders(engine: Engine, clock: MovedClock) -> tuple[Leader, Leader]:
    """Two that want to lead."""
    return Leader(engine, holder="A", clock=clock), Leader(engine, holder="B", clock=clock)


def expire(engine: Engine) -> None:
    """Let the lease in the database run out."""
    with engine.begin() as connection:
        connection.execute(update(leases).values(expires_at=1))


def stored(engine: Engine) -> tuple[str, int]:
    """Who holds the lease, under which token."""
    with reading(engine) as connection:
        row = connection.execute(select(leases.c.holder, leases.c.token)).one()
    return row.holder, row.token


def test_the_first_leads_and_the_second_does_not(leaders: tuple[Leader, Leader], engine: Engine) -> None:
    first, second = leaders
    assert first.run_once(0)
    assert not second.run_once(0)
    assert (first.leading, second.leading) == (True, False)
    assert stored(engine) == ("A", 1)


def test_a_leader_that_renews_stays_with_its_token(leaders: tuple[Leader, Leader], clock: MovedClock) -> None:
    first, second = leaders
    for _ in range(20):
        assert first.run_once(0)
        assert not second.run_once(0)
        clock.move(RENEW_SECONDS)
        assert first.leading
    assert first.token == 1


def test_a_leader_that_cannot_renew_stops_before_its_lease_ends(
    leaders: tuple[Leader, Leader], clock: MovedClock
) -> None:
    first, _ = leaders
    first.run_once(0)
    clock.move(LEASE_SECONDS - RENEW_SECONDS)
    assert not first.leading


def test_when_the_lease_ran_out_the_other_one_takes_over_with_a_new_token(
    leaders: tuple[Leader, Leader], engine: Engine
) -> None:
    first, second = leaders
    first.run_once(0)
    expire(engine)

    assert second.run_once(0)
    assert not first.run_once(0)

    assert (first.leading, second.leading) == (False, True)
    assert second.token == first.token + 1
    assert stored(engine) == ("B", 2)


def test_who_resigns_makes_room_at_once_and_leads_no_more(leaders: tuple[Leader, Leader]) -> None:
    first, second = leaders
    first.run_once(0)
    first.resign()
    assert not first.leading
    assert second.run_once(0)
    first.resign()  # a late farewell takes nothing from the new leader
    assert not first.run_once(0)
