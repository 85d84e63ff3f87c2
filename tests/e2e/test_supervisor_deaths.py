"""Whatever kills or stops a worker, its supervisor or its forker: nothing is lost, and nobody stays behind."""

import os
import signal

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.e2e.house import House
from tests.e2e.supervised import Supervised, supervise
from tests.waiting import wait_until


def with_a_job_in_hand(supervised: Supervised) -> tuple[str, int]:
    """A job that takes two seconds, once it was asked for, and the process that has it."""
    house = supervised.house
    house.sandbox.reset()
    job = house.client.enqueue("default", "go [[slow=2]]")
    wait_until(house.llm_requests, 30)
    holder = house.holder(job.id)
    assert holder is not None
    return job.id, holder


@pytest.mark.timeout(180)
def test_a_killed_worker_is_replaced_its_job_goes_on_and_its_sibling_never_stops(supervised: Supervised) -> None:
    house, before = supervised.house, supervised.pids
    job_id, holder = with_a_job_in_hand(supervised)

    os.kill(holder, signal.SIGKILL)
    wait_until(lambda: (house.holder(job_id) or holder) != holder, 10)
    house.done(job_id)

    after = supervised.full_again(2, {holder})
    assert before - {holder} <= after
    (dead,) = [row for row in house.rows.ended() if row["pid"] == holder]
    assert (dead["ended_why"], dead["crashed"]) == ("killed by signal 9 (SIGKILL)", True)
    assert "worker.died" in supervised.running.output()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_stopped_worker_is_killed_and_its_job_goes_on(supervised: Supervised) -> None:
    house = supervised.house
    job_id, holder = with_a_job_in_hand(supervised)

    os.kill(holder, signal.SIGSTOP)
    wait_until(lambda: [row for row in house.rows.ended() if row["pid"] == holder], 15)

    (dead,) = [row for row in house.rows.ended() if row["pid"] == holder]
    assert dead["crashed"]
    assert dead["ended_why"].startswith("hung: its event loop stood still")
    house.done(job_id)
    supervised.full_again(2, {holder})
    assert not psutil.pid_exists(holder)


@pytest.mark.timeout(180)
def test_workers_live_on_without_their_forker_and_the_next_one_starts_replacements(supervised: Supervised) -> None:
    before = supervised.pids

    supervised.forker.kill()
    supervised.running.says("forker.died")
    assert supervised.pids == before
    victim = min(before)
    os.kill(victim, signal.SIGKILL)

    after = supervised.full_again(2, {victim}, 60)
    assert before - {victim} <= after
    supervised.house.done(supervised.house.client.enqueue("default", "hello").id)


GRIP = """
import ctypes
from watchkeeper.tools import tool

@tool
def grip() -> str:
    \"\"\"Hold the interpreter, as a C library that hangs would.\"\"\"
    ctypes.PyDLL(None).sleep(60)
    return "never"
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_worker_whose_interpreter_hangs_writes_its_stacks_and_is_killed(house: House) -> None:
    (house.processes.folder / "gripping.py").write_text(GRIP)
    house.change_agent(tools='["grip"]')
    house.scheduler()
    supervised = supervise(house, processes=1, WATCHKEEPER_TOOLS="gripping")
    (pid,) = supervised.pids
    house.client.enqueue("default", "go [[tools=1]]")

    wait_until(lambda: house.rows.ended(), 30)

    (dead,) = house.rows.ended()
    assert (dead["pid"], dead["crashed"]) == (pid, True)
    assert dead["ended_why"].startswith("hung: its event loop stood still")
    assert ", line 8 in grip" in supervised.running.output()
    assert "worker.hung" in supervised.running.output()


@pytest.mark.timeout(180)
def test_no_worker_outlives_a_killed_supervisor_not_even_one_that_is_stopped_and_the_job_goes_back(
    house: House,
) -> None:
    house.change_agent(tools='["current_time"]')
    house.scheduler()
    supervised = supervise(house)
    forker = supervised.forker
    pids = supervised.pids
    job = house.client.enqueue("default", "go [[tools=1]] [[slow=2]]")
    wait_until(lambda: house.rows.job(job.id)["steps"] == 2, 30)
    idle = next(pid for pid in pids if pid != house.holder(job.id))
    os.kill(idle, signal.SIGSTOP)

    os.kill(supervised.running.pid, signal.SIGKILL)
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in [*pids, forker.pid]), 8)

    row = house.rows.job(job.id)
    assert (row["state"], row["steps"], row["claimed_by"]) == ("queued", 2, None)
    supervise(house, processes=1)
    assert house.done(job.id).steps == 3
