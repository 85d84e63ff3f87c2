"""Every queued job gets its wake-up, however the first one got lost, and never two of them."""

from pathlib import Path

import pytest
import structlog
from redis import Redis
from sqlalchemy import Engine, update
from sqlalchemy.exc import OperationalError

from scheduler.stager import RESEND_SECONDS, Stager
from shared.db.tables import jobs
from tests.rows import Rows
from watchkeeper import Client
from watchkeeper.contract import ALONE_QUEUE, WAKE_QUEUE
from watchkeeper.engine import build_engine
from watchkeeper.states import JobState

NOW = 0  # the database's clock is what counts


def let_time_pass(engine: Engine) -> None:
    """Make every wake-up as old as it takes to send it again."""
    with engine.begin() as connection:
        connection.execute(update(jobs).values(woken_at=jobs.c.woken_at - int(RESEND_SECONDS * 1000) - 1))


def woken(client: Redis) -> list[str]:
    """Jobs in the order workers would take them."""
    return [str(member) for member in client.zrange(WAKE_QUEUE, 0, -1)]


def test_ten_thousand_jobs_and_no_worker_fill_redis_once(engine: Engine, rows: Rows, client: Redis) -> None:
    job_ids = rows.enqueue(10_000)
    stager = Stager(engine, client)

    reports = [stager.run_once(NOW).did["woken"] for _ in range(7)]
    let_time_pass(engine)
    again = [stager.run_once(NOW).did["woken"] for _ in range(7)]

    assert sum(reports) == 10_000
    assert sum(again) == 0
    assert woken(client) == job_ids


def test_redis_wiped_gets_all_wake_ups_again_at_once(engine: Engine, rows: Rows, client: Redis) -> None:
    job_ids = rows.enqueue(3)
    stager = Stager(engine, client)
    stager.run_once(NOW)
    client.flushall()

    stager.run_once(NOW)

    assert woken(client) == job_ids


def test_redis_back_from_an_outage_gets_all_wake_ups_again_at_once(
    engine: Engine, rows: Rows, client: Redis, away: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_ids = rows.enqueue(3)
    stager = Stager(engine, client)
    stager.run_once(NOW)
    monkeypatch.setattr(stager, "_client", away)
    stager.run_once(NOW)
    client.zrem(WAKE_QUEUE, *job_ids)  # taken by workers that never heard the answer
    monkeypatch.setattr(stager, "_client", client)

    stager.run_once(NOW)

    assert woken(client) == job_ids


def test_what_redis_lost_is_not_forgotten_while_sql_is_away(
    engine: Engine, rows: Rows, client: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_ids = rows.enqueue(3)
    stager = Stager(engine, client)
    stager.run_once(NOW)
    client.flushall()
    sql_away = build_engine(f"sqlite:///{tmp_path}/no folder/x.db")
    monkeypatch.setattr(stager, "_engine", sql_away)
    with pytest.raises(OperationalError):
        stager.run_once(NOW)
    sql_away.dispose()
    monkeypatch.setattr(stager, "_engine", engine)

    stager.run_once(NOW)

    assert woken(client) == job_ids


def test_a_job_that_is_being_claimed_is_not_waited_for(postgres_url: str, client: Redis) -> None:
    engine = build_engine(postgres_url, lock_timeout=0.5)
    rows = Rows(engine)
    first, claimed, last = rows.enqueue(3)
    with engine.begin() as claiming:
        claiming.execute(update(jobs).where(jobs.c.id == claimed).values(claimed_by="A"))

        assert Stager(engine, client).run_once(NOW).did["woken"] == 3

        assert rows.job(claimed)["woken_at"] is None
        assert None not in (rows.job(first)["woken_at"], rows.job(last)["woken_at"])
    engine.dispose()


def test_one_lost_wake_up_is_sent_again_after_the_resend_time(engine: Engine, rows: Rows, client: Redis) -> None:
    job_ids = rows.enqueue(3)
    stager = Stager(engine, client)
    stager.run_once(NOW)
    client.zrem(WAKE_QUEUE, job_ids[0])

    assert not stager.run_once(NOW)
    assert woken(client) == job_ids[1:]
    let_time_pass(engine)
    stager.run_once(NOW)

    assert woken(client) == job_ids


def test_redis_away_costs_nothing_but_time(engine: Engine, rows: Rows, client: Redis, away: Redis) -> None:
    job_ids = rows.enqueue(3)
    assert not Stager(engine, away).run_once(NOW)
    assert {row["woken_at"] for row in rows.all_jobs()} == {None}
    Stager(engine, client).run_once(NOW)
    assert woken(client) == job_ids


def test_a_job_enqueued_on_a_bare_connection_is_found(
    engine: Engine, client: Redis, database_url: str, redis_url: str
) -> None:
    with Client(database_url, redis_url) as backend, engine.begin() as connection:
        job = backend.enqueue("default", "hello", connection=connection)
    assert woken(client) == []
    Stager(engine, client).run_once(NOW)
    assert woken(client) == [job.id]


@pytest.mark.parametrize("state", [JobState.WAITING, JobState.PARKED])
def test_what_is_due_is_queued_and_woken_and_the_rest_is_left(
    state: JobState, engine: Engine, rows: Rows, client: Redis
) -> None:
    (due,) = rows.enqueue(state=state, run_after=1, woken_at=5)
    (later,) = rows.enqueue(state=state, run_after=2**53)

    report = Stager(engine, client).run_once(NOW)

    assert report.did == {"readied": 1, "woken": 1}
    assert woken(client) == [due]
    assert (rows.job(due)["state"], rows.job(later)["state"]) == (JobState.QUEUED, state)


def test_only_the_turn_that_has_come_is_woken(engine: Engine, rows: Rows, client: Redis) -> None:
    first, second = rows.enqueue(2, conversation_id="talk")
    stager = Stager(engine, client)
    stager.run_once(NOW)
    assert woken(client) == [first]

    rows.change_job(first, state=JobState.COMPLETED)
    client.flushall()
    stager.run_once(NOW)
    assert woken(client) == [second]


def test_final_and_running_jobs_are_not_woken(engine: Engine, rows: Rows, client: Redis) -> None:
    for state in set(JobState) - {JobState.QUEUED, JobState.WAITING, JobState.PARKED}:
        rows.enqueue(state=state, run_after=1)
    assert not Stager(engine, client).run_once(NOW)
    assert woken(client) == []


def test_urgent_jobs_go_first_when_there_are_more_than_one_run_takes(
    engine: Engine, rows: Rows, client: Redis
) -> None:
    rows.enqueue(2100, priority=2)
    (urgent,) = rows.enqueue(priority=0)
    Stager(engine, client).run_once(NOW)
    assert woken(client)[0] == urgent


def test_a_job_that_needs_a_process_of_its_own_and_finds_none_is_told_of_once(
    engine: Engine, rows: Rows, client: Redis
) -> None:
    (lone,) = rows.enqueue(crashes=2)
    rows.enqueue()
    stager = Stager(engine, client)
    with structlog.testing.capture_logs() as logs:
        stager.run_once(NOW)
        assert [entry for entry in logs if entry["event"] == "job.waits_alone"] == []
        for _ in range(3):
            let_time_pass(engine)
            stager.run_once(NOW)
    assert [entry["job"] for entry in logs if entry["event"] == "job.waits_alone"] == [lone]
    assert client.zrange(ALONE_QUEUE, 0, -1) == [lone]
