"""A death that was just written to SQL is heard: the rescuer does not wait for its turn."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from scheduler.death_bell import DeathBell
from scheduler.scheduler import Scheduler
from shared.redis.names import DEATHS
from shared.settings import load_settings
from tests.configured import MASTER_KEY
from tests.rows import Rows
from tests.waiting import wait_until
from watchkeeper.states import JobState
from workers.supervisor.records import Records
from workers.supervisor.ringing import Ringing

NEVER = 3600.0


@pytest.fixture
def scheduler(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Scheduler]:
    """One whose rescuer looks when it is rung for, and not before."""
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WATCHKEEPER_HOME": str(tmp_path / "home"),
        "WATCHKEEPER_MASTER_KEY": MASTER_KEY,
    }
    scheduler = Scheduler(load_settings(environ), directory=tmp_path, rescue_seconds=NEVER)
    thread = threading.Thread(target=scheduler.run)
    thread.start()
    yield scheduler
    scheduler.stop()
    thread.join(20)


def listeners(client: Redis) -> int:
    """How many hear the bell."""
    return int(client.pubsub_numsub(DEATHS)[0][1])  # type: ignore[no-untyped-call]


@pytest.mark.usefixtures("scheduler")
def test_the_jobs_of_a_worker_go_on_as_soon_as_its_supervisor_has_written_that_it_died(
    engine: Engine, rows: Rows, client: Redis
) -> None:
    wait_until(lambda: listeners(client), 30)
    ringing = Ringing(client)
    ringing.start()
    records = Records(engine, "us", died=ringing.died)
    records.open(processes=2, threads=4)
    for name in ("first", "second"):
        rows.incarnation(name, supervisor="us")
        (job_id,) = rows.enqueue(state=JobState.RUNNING, claimed_by=name, claim_token=1)

        records.ended(name, "killed by signal 9 (SIGKILL)", crashed=True)

        wait_until(lambda: rows.job(job_id)["state"] == "queued")  # noqa: B023
    assert records.close("stopped", 5.0) == []
    ringing.stop()


def test_after_its_connection_was_cut_the_bell_is_heard_again(client: Redis) -> None:
    heard = threading.Event()
    bell = DeathBell(client, heard.set)
    bell.start()
    wait_until(lambda: listeners(client))
    client.client_kill_filter(_type="pubsub")  # type: ignore[no-untyped-call]
    wait_until(lambda: client.publish(DEATHS, "died") and heard.wait(0.1))
    bell.stop()
    wait_until(lambda: not listeners(client))


def test_what_nobody_can_read_does_not_make_it_deaf(client: Redis) -> None:
    heard = threading.Event()
    bell = DeathBell(client, heard.set)
    bell.start()
    wait_until(lambda: listeners(client))
    client.publish(DEATHS, b"\xff\xfe")
    wait_until(lambda: client.publish(DEATHS, "died") and heard.wait(0.1))
    bell.stop()
