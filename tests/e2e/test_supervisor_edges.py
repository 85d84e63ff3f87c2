"""What workers share with their supervisor, and what they must not; and an outage of SQL in the wrong moment."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
import pytest

from tests.configured import MASTER_KEY
from tests.e2e.house import GROQ_KEYS, House
from tests.e2e.supervised import supervise
from tests.stores import PostgresServer
from tests.waiting import wait_until


def sockets(pid: int) -> set[str]:
    """The sockets a process holds, as the kernel numbers them."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(entry))
        except FileNotFoundError:  # closed meanwhile
            continue
    return {name for name in found if name.startswith("socket:")}


@contextmanager
def sql_away(server: PostgresServer, house: House) -> Iterator[None]:
    """The house's database ends its connections and takes no new ones."""
    name = str(house.rows.engine.url.database)
    server.execute("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", name)
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
    finally:
        server.execute("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", name)


@pytest.mark.timeout(180)
def test_processes_share_no_line_show_no_secret_and_drain_however_often_they_are_told(house: House) -> None:
    house.scheduler()
    supervised = supervise(house)
    processes = {process.pid: process for process in psutil.Process(supervised.running.pid).children(recursive=True)}
    processes[supervised.running.pid] = psutil.Process(supervised.running.pid)
    assert len(processes) == 4
    for process in processes.values():
        command = " ".join(process.cmdline())
        assert not any(secret in command for secret in (*GROQ_KEYS, MASTER_KEY, house.database_url, house.redis_url))
    held = {pid: sockets(pid) for pid in supervised.pids | {supervised.forker.pid}}
    for pid, its_own in held.items():
        others = set[str]().union(*(sockets for other, sockets in held.items() if other != pid))
        assert not its_own & others, (pid, its_own & others)

    job = house.client.enqueue("default", "go [[slow=2]]")
    wait_until(house.llm_requests, 30)
    for pid in processes:  # as a service manager does that tells every process of a group
        os.kill(pid, signal.SIGTERM)

    assert supervised.running.ended() == 0
    assert house.rows.job(job.id)["state"] == "completed"
    assert {(row["ended_why"], row["crashed"], row["recycle_why"]) for row in house.rows.ended()} == {
        ("stopped", False, None)
    }
    assert house.processes.alive() == [psutil.Process(house.processes.started[0].pid)]


@pytest.mark.timeout(180)
def test_a_worker_killed_while_sql_is_away_is_replaced_and_its_job_goes_on_once_sql_is_back(
    house: House, postgres_server: PostgresServer
) -> None:
    house.scheduler()
    supervised = supervise(house)
    job = house.client.enqueue("default", "go [[slow=3]]")
    wait_until(house.llm_requests, 30)
    holder = house.holder(job.id)
    before = supervised.pids
    assert holder is not None

    with sql_away(postgres_server, house):
        os.kill(holder, signal.SIGKILL)
        supervised.running.says("worker.start_failed")
        supervised.running.says("supervisor.sql_away")
        assert "supervisor.giving_up" not in supervised.running.output()
        house.rows.engine.dispose()

    wait_until(lambda: house.rows.job(job.id)["state"] == "completed", 40)
    after = supervised.full_again(2, {holder})
    assert before - {holder} <= after
    (dead,) = [row for row in house.rows.ended() if row["pid"] == holder]
    assert (dead["ended_why"], dead["crashed"]) == ("killed by signal 9 (SIGKILL)", True)
    assert len(house.rows.steps(job.id)) == 1
    assert "exit code 1" not in supervised.running.output()  # who found SQL away said so, and spent no budget
