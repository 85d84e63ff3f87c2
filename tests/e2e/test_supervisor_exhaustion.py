"""No file descriptor left, or no room for a log line: who is hit goes on, and nobody else pays for it."""

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.e2e.house import House
from tests.e2e.supervised import supervise
from tests.waiting import wait_until


@contextmanager
def no_descriptor_left(pid: int) -> Iterator[None]:
    """The process cannot open anything more; what it has open stays."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def no_room_for_a_thread(pid: int) -> Iterator[None]:
    """The process can have as much more memory as it needs for its work, but not for a thread's stack of 8 MiB."""
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (psutil.Process(pid).memory_info().vms + 7 * 1024 * 1024, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)


@pytest.mark.timeout(180)
def test_a_supervisor_that_can_open_nothing_keeps_its_workers_and_starts_others_once_it_can(house: House) -> None:
    house.scheduler()
    supervised = supervise(house)
    first, second = sorted(supervised.pids)

    with no_descriptor_left(supervised.running.pid):
        psutil.Process(first).kill()
        wait_until(lambda: first not in supervised.pids, 30)
        supervised.running.says("Too many open files")
        assert supervised.pids == {second}
        supervised.forker.kill()
        supervised.running.says("forker.died")
        supervised.running.says("it could not be started")

    after = supervised.full_again(2, {first}, 60)
    assert second in after
    assert "supervisor.giving_up" not in supervised.running.output()


@pytest.mark.timeout(180)
def test_a_worker_that_can_open_nothing_keeps_its_heartbeat_and_its_job(house: House) -> None:
    house.scheduler()
    supervised = supervise(house, processes=1)
    (worker,) = supervised.workers

    with no_descriptor_left(worker["pid"]):
        beats = worker["heartbeat"]
        wait_until(lambda: supervised.workers and supervised.workers[0]["heartbeat"] > beats + 2, 20)

    house.done(house.client.enqueue("default", "hello").id)
    assert supervised.pids == {worker["pid"]}


@pytest.mark.timeout(180)
def test_a_worker_that_can_start_no_thread_goes_on_with_those_it_has(house: House) -> None:
    house.change_agent(tools='["current_time"]')
    house.scheduler()
    supervised = supervise(house, processes=1)
    (pid,) = supervised.pids
    house.done(house.client.enqueue("default", "go [[tools=1]]").id)  # what a first job loads is loaded

    with no_room_for_a_thread(pid):
        jobs = [house.client.enqueue("default", "go [[tools=1]] [[slow=1]]") for _ in range(12)]
        for job in jobs:
            house.done(job.id)

    assert "worker.no_thread_left" in supervised.running.output()
    assert "tool.no_thread_left" in supervised.running.output()
    for _ in range(3):
        house.done(house.client.enqueue("default", "go [[tools=1]]").id)
    assert supervised.pids == {pid}


@pytest.mark.timeout(180)
def test_logs_that_cannot_be_written_stop_nobody(house: House) -> None:
    house.scheduler()
    running = house.processes.elsewhere(
        "/bin/sh", "-c", 'exec "$0" -P -m workers --processes 1 2>/dev/full', sys.executable
    )
    (worker,) = wait_until(lambda: [row for row in house.rows.alive() if row["heartbeat"] > 0], 60)
    psutil.Process(worker["pid"]).kill()
    wait_until(lambda: [r for r in house.rows.alive() if r["heartbeat"] > 0 and r["pid"] != worker["pid"]], 60)
    house.done(house.client.enqueue("default", "hello").id)
    running.signal(signal.SIGTERM)
    assert running.ended() == 0
