"""A scheduler stopped in mid-transaction holds up the others for seconds, not for as long as it is stopped."""

import signal

import psycopg
import pytest

from tests.e2e.house import House
from tests.waiting import wait_until
from watchkeeper.states import JobState


@pytest.mark.timeout(120)
def test_its_rows_are_free_within_seconds_and_awake_again_it_goes_on_by_itself(house: House) -> None:
    scheduler = house.scheduler()
    first, second = sorted(house.rows.enqueue(2, state=JobState.WAITING))
    house.rows.incarnation("alive")
    for job_id in (first, second):
        house.rows.change_job(job_id, state=JobState.RUNNING, claimed_by="alive", claim_token=1)
    with (
        psycopg.connect(house.database_url) as holding,
        psycopg.connect(house.database_url, autocommit=True) as other,
    ):
        # It takes the first, waits for the second that we hold, and is stopped there.
        holding.execute("SELECT 1 FROM jobs WHERE id = %s FOR UPDATE", [second])
        house.rows.change_incarnation("alive", ended_at=1, ended_why="a test")
        wait_until(lambda: _waits(other), 20)
        scheduler.signal(signal.SIGSTOP)
        holding.rollback()
        other.execute("SET lock_timeout = '15s'")
        other.execute("SELECT 1 FROM jobs WHERE id IN (%s, %s) FOR UPDATE", [first, second])

    scheduler.signal(signal.SIGCONT)
    wait_until(lambda: {house.rows.job(job_id)["state"] for job_id in (first, second)} == {"queued"}, 30)
    scheduler.says("scheduler.sql_back")
    assert scheduler.output().count("scheduler.sql_away") == 1
    assert "Traceback" not in scheduler.output()


def _waits(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    """The scheduler has rows in its hands and waits for one more."""
    found = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watchkeeper-scheduler' "
        "AND datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE jobs%'"
    ).fetchone()
    return found is not None and found[0] != 0
