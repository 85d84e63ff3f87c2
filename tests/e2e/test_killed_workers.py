"""A worker is killed in the middle of a job: another one goes on, and no finished step is paid for again."""

import os
import signal

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from shared.settings import DEAD_AFTER_SECONDS
from tests.e2e.house import House
from tests.waiting import wait_until

THREE_TOOLS = "go [[tools=3]] [[slow=0.5]]"
STEPS = ["llm", "tool", "llm", "tool", "llm", "tool", "llm"]


def kill_after_two_steps(house: House, job_id: str) -> int:
    """SIGKILL whoever has the job once two steps are stored; the steps stored by then."""
    wait_until(lambda: house.rows.job(job_id)["steps"] >= 2, 60)
    holder = house.holder(job_id)
    assert holder is not None
    os.kill(holder, signal.SIGKILL)
    wait_until(lambda: house.rows.job(job_id)["claimed_by"] is None or house.holder(job_id) != holder, 60)
    return len([row for row in house.rows.steps(job_id) if row["claim_token"] == 1])


def assert_nothing_was_paid_twice(house: House, job_id: str, before: int) -> None:
    """Every step once; of the requests to the provider only the one in flight at the kill may stand twice."""
    steps = house.rows.steps(job_id)
    assert [row["kind"] for row in steps] == STEPS
    assert [row["number"] for row in steps] == list(range(1, 8))
    assert [row["claim_token"] for row in steps] == [1] * before + [2] * (7 - before)
    assert house.rows.events(job_id) in (["rescued"], ["crashed", "rescued"])  # a crash is told when somebody saw it
    requests = house.llm_requests()
    asked_anew = [count for count in set(requests) if requests.count(count) > 1]
    assert len(set(requests)) == 4
    assert len(requests) <= 5
    finished = [1 + row["number"] - 1 for row in steps[:before] if row["kind"] == "llm"]
    assert not set(asked_anew) & set(finished)  # a request for step n holds n messages


@pytest.mark.timeout(180)
def test_under_up_a_death_is_seen_at_once(house: House) -> None:
    house.change_agent(tools='["current_time"]')
    up = house.processes.watchkeeper("up", "--workers", "2")
    wait_until(lambda: len([row for row in house.rows.alive() if row["heartbeat"] > 0]) == 2, 60)

    job = house.client.enqueue("default", THREE_TOOLS)
    before = kill_after_two_steps(house, job.id)
    done = house.done(job.id, timeout=DEAD_AFTER_SECONDS - 3)

    assert done.steps == 7
    assert "Tool results: 3" in (done.text or "")
    assert_nothing_was_paid_twice(house, job.id, before)
    assert "killed by signal 9" in str(house.rows.ended())
    wait_until(lambda: len(house.rows.alive()) == 2, 60)  # it was replaced
    assert up.stop() == 0
    assert house.processes.alive() == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_without_an_owner_a_standing_heartbeat_tells_it(house: House) -> None:
    house.change_agent(tools='["current_time"]')
    house.scheduler()
    house.worker()
    house.worker()

    job = house.client.enqueue("default", THREE_TOOLS)
    before = kill_after_two_steps(house, job.id)
    done = house.done(job.id)

    assert done.steps == 7
    assert_nothing_was_paid_twice(house, job.id, before)
    assert "heartbeat stood still" in str(house.rows.ended())


@pytest.mark.timeout(180)
def test_under_up_a_killed_supervisor_is_started_again_and_its_jobs_go_on(house: House) -> None:
    up = house.processes.watchkeeper("up", "--workers", "1")
    wait_until(lambda: len([row for row in house.rows.alive() if row["heartbeat"] > 0]) == 1, 60)
    (before,) = house.rows.alive()
    job = house.client.enqueue("default", "go [[slow=2]]")
    wait_until(house.llm_requests, 30)

    (supervisor,) = [process for process in psutil.Process(up.pid).children() if "--supervisor" in process.cmdline()]
    supervisor.kill()

    house.done(job.id)
    wait_until(lambda: [row["supervisor"] for row in house.rows.alive()] not in ([], [before["supervisor"]]), 30)
    assert not any(row["crashed"] for row in house.rows.ended())  # no job is to blame
    assert {row["ended_why"] for row in house.rows.ended()} == {"its supervisor died"}
    assert house.processes.watchkeeper("probe", "worker").ended() == 0
    assert up.stop() == 0
    assert house.processes.alive() == []
    assert house.processes.watchkeeper("probe", "worker").ended() == 1
