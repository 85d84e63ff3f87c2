"""Two hosts on one PostgreSQL and one Redis: both work, and either may be lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.second_host import NAME, SecondHost, open_second_host
from tests.e2e.house import House, open_house
from tests.stores import PostgresServer
from tests.waiting import wait_until

JOBS = 24


@pytest.fixture
def house(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[House]:
    """The first host, with everything on it."""
    small = {"WATCHKEEPER_WORKER_THREADS": "4", "WATCHKEEPER_WORKER_PROCESSES": "1"}
    with open_house(postgres_server, tmp_path, **small) as house:
        yield house


@pytest.fixture
def second(house: House) -> SecondHost:
    """The second host, with a supervisor and its worker; the first has a scheduler and a worker."""
    house.scheduler()
    house.worker()
    second = open_second_host(house)
    second.room("workers").says("supervisor.ready", 60)
    return second


def hosts_at_work(house: House) -> set[str]:
    """Where jobs run now."""
    hosts = {row["id"]: row["host"] for row in house.rows.alive()}
    return {hosts[job["claimed_by"]] for job in house.rows.all_jobs() if job["claimed_by"] in hosts}


def test_both_hosts_run_jobs_and_the_second_losing_power_loses_none(house: House, second: SecondHost) -> None:
    jobs = [house.client.enqueue("default", f"[[slow=2]] job {number}").id for number in range(JOBS)]
    wait_until(lambda: len(hosts_at_work(house)) == 2, 60)
    assert NAME in hosts_at_work(house)

    second.lose_power()

    for job_id in jobs:
        house.done(job_id, 90)
    wait_until(lambda: NAME not in {row["host"] for row in house.rows.alive()}, 30)
    assert any("rescued" in house.rows.events(job_id) for job_id in jobs)


def test_a_pulled_cable_costs_no_job_and_the_host_works_again_once_it_is_back(
    house: House, second: SecondHost
) -> None:
    jobs = [house.client.enqueue("default", f"[[slow=2]] job {number}").id for number in range(JOBS)]
    wait_until(lambda: NAME in hosts_at_work(house), 60)

    second.pull()

    for job_id in jobs:
        house.done(job_id, 90)
    wait_until(lambda: NAME not in {row["host"] for row in house.rows.alive()}, 60)
    second.plug()
    wait_until(lambda: any(row["host"] == NAME and row["heartbeat"] > 1 for row in house.rows.alive()), 90)
    more = [house.client.enqueue("default", f"[[slow=1]] more {number}").id for number in range(JOBS)]
    wait_until(lambda: NAME in hosts_at_work(house), 60)
    for job_id in more:
        house.done(job_id, 90)
