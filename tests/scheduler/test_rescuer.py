"""Jobs of the dead go back at once, jobs of the living never: heartbeats are watched on our own clock."""

from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, event, select, text
from sqlalchemy.exc import OperationalError

from scheduler.rescuer import Rescuer
from shared.settings import DEAD_AFTER_SECONDS
from tests.moved_clock import MovedClock
from tests.rows import Rows
from watchkeeper.contract import WAKE_QUEUE
from watchkeeper.engine import build_engine
from watchkeeper.states import JobState

NOW = 0
NOTHING = {"given_up": 0, "rescued": 0, "cancelled": 0, "dead": 0}


@pytest.fixture
def rescuer(engine: Engine, client: Redis, clock: MovedClock) -> Rescuer:
    """The part under test."""
    return Rescuer(engine, client, clock)


def look(rescuer: Rescuer, clock: MovedClock, seconds: float, *, every: float = 0.5) -> dict[str, int]:
    """Look again and again for `seconds`; what was done in all."""
    done = dict(NOTHING)
    for _ in range(round(seconds / every)):
        clock.move(every)
        for name, count in rescuer.run_once(NOW).did.items():
            done[name] += count
    return done


def running(rows: Rows, incarnation: str, **values: Any) -> str:
    """A job in the hands of a worker."""
    (job_id,) = rows.enqueue(state=JobState.RUNNING, claimed_by=incarnation, claim_token=1, **values)
    return job_id


def test_a_heartbeat_that_stands_still_gives_its_worker_up_and_not_before(
    rescuer: Rescuer, clock: MovedClock, rows: Rows, client: Redis
) -> None:
    rows.incarnation("A")
    job_id = running(rows, "A", steps=2)
    rescuer.run_once(NOW)

    assert look(rescuer, clock, DEAD_AFTER_SECONDS - 0.5) == NOTHING
    assert rows.job(job_id)["state"] == "running"
    assert look(rescuer, clock, 0.5) == {"given_up": 1, "rescued": 1, "cancelled": 0, "dead": 0}

    row = rows.job(job_id)
    assert (row["state"], row["claimed_by"], row["claim_token"], row["steps"]) == ("queued", None, 1, 2)
    assert rows.events(job_id) == ["rescued"]
    assert rows.alive() == []
    assert [str(member) for member in client.zrange(WAKE_QUEUE, 0, -1)] == [job_id]
    assert look(rescuer, clock, 30) == NOTHING


def test_a_worker_that_lives_is_never_robbed(rescuer: Rescuer, clock: MovedClock, rows: Rows) -> None:
    rows.incarnation("A", heartbeat=0)
    job_id = running(rows, "A")
    for beat in range(1, 40):
        assert look(rescuer, clock, DEAD_AFTER_SECONDS - 1) == {
            "given_up": 0,
            "rescued": 0,
            "cancelled": 0,
            "dead": 0,
        }
        rows.change_incarnation("A", heartbeat=beat)
    assert rows.job(job_id)["claimed_by"] == "A"


def test_time_in_which_we_ourselves_could_not_look_does_not_count(
    rescuer: Rescuer, clock: MovedClock, rows: Rows
) -> None:
    rows.incarnation("A")
    rescuer.run_once(NOW)
    look(rescuer, clock, 5)
    clock.move(3600)  # the database was away, or this process was stopped

    assert not rescuer.run_once(NOW)  # of the hour two seconds count
    assert look(rescuer, clock, DEAD_AFTER_SECONDS - 5 - 2 - 0.5)["given_up"] == 0
    assert look(rescuer, clock, 0.5)["given_up"] == 1


def test_a_new_leader_watches_anew(rescuer: Rescuer, clock: MovedClock, rows: Rows) -> None:
    rows.incarnation("A")
    rows.change_incarnation("A", heartbeat_at=1)  # its age says nothing
    clock.move(1_000_000)
    assert not rescuer.run_once(NOW)


def test_a_heartbeat_in_the_last_moment_counts(
    clock: MovedClock, rows: Rows, rescuer: Rescuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.incarnation("A")
    rescuer.run_once(NOW)
    look(rescuer, clock, DEAD_AFTER_SECONDS - 0.5)
    observe = rescuer._observe

    def observe_then_it_beats(now: float) -> dict[str, int]:
        still = observe(now)
        assert still
        rows.change_incarnation("A", heartbeat=2)
        return still

    monkeypatch.setattr(rescuer, "_observe", observe_then_it_beats)
    assert look(rescuer, clock, 0.5) == NOTHING
    assert len(rows.alive()) == 1


def test_the_jobs_of_a_worker_that_signed_off_or_was_seen_dying_return_at_once(rescuer: Rescuer, rows: Rows) -> None:
    rows.incarnation("A", ended_at=1, ended_why="killed by signal 9")
    mine = [running(rows, "A"), running(rows, "never registered")]
    rows.incarnation("B")
    others = running(rows, "B")

    assert rescuer.run_once(NOW).did == {"given_up": 0, "rescued": 2, "cancelled": 0, "dead": 0}

    assert {rows.job(job_id)["state"] for job_id in mine} == {"queued"}
    assert rows.job(others)["state"] == "running"


def test_a_job_that_was_to_be_cancelled_is_not_run_again(rescuer: Rescuer, rows: Rows, client: Redis) -> None:
    rows.incarnation("A", ended_at=1)
    job_id = running(rows, "A", cancel_requested=True)

    rescuer.run_once(NOW)

    row = rows.job(job_id)
    assert (row["state"], row["claimed_by"]) == ("cancelled", None)
    assert row["finished_at"]
    assert client.zcard(WAKE_QUEUE) == 0


def test_redis_away_rescues_all_the_same(engine: Engine, rows: Rows, away: Redis, clock: MovedClock) -> None:
    rows.incarnation("A", ended_at=1)
    job_id = running(rows, "A")
    Rescuer(engine, away, clock).run_once(NOW)
    row = rows.job(job_id)
    assert (row["state"], row["woken_at"]) == ("queued", None)  # the stager takes it from here


def test_two_jobs_of_one_conversation_cannot_both_come_back_running(rescuer: Rescuer, rows: Rows) -> None:
    rows.incarnation("A", ended_at=1)
    first = running(rows, "A", conversation_id="talk")
    (second,) = rows.enqueue(conversation_id="talk")
    rescuer.run_once(NOW)
    assert (rows.job(first)["state"], rows.job(second)["state"]) == ("queued", "queued")


def test_time_in_which_nobody_could_write_does_not_count(engine: Engine, client: Redis, clock: MovedClock) -> None:
    """Reading goes on beside whoever holds the one write lock: every heartbeat seems to stand still."""
    url = engine.url.render_as_string(hide_password=False)
    hasty, holding = build_engine(url, lock_timeout=0.05), build_engine(url, idle_timeout=None)
    if engine.dialect.name == "sqlite":
        event.listen(hasty, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))
    rescuer, rows = Rescuer(hasty, client, clock), Rows(engine)
    rows.incarnation("A")
    look(rescuer, clock, 5)

    with holding.connect() as holder:
        if engine.dialect.name == "postgresql":
            holder.execute(text("LOCK TABLE incarnations IN EXCLUSIVE MODE"))
        else:
            holder.execute(select(1))  # BEGIN IMMEDIATE
        for _ in range(60):
            clock.move(1)
            with pytest.raises(OperationalError):
                rescuer.run_once(NOW)
        holder.rollback()
    holding.dispose()

    assert look(rescuer, clock, DEAD_AFTER_SECONDS - 5 - 0.5)["given_up"] == 0
    rows.change_incarnation("A", heartbeat=2)
    assert look(rescuer, clock, 10)["given_up"] == 0
    hasty.dispose()
