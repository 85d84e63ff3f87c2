"""A supervisor that cannot start workers, or is told to end before it has: no orphan, no endless trying."""

import signal

import pytest

from tests.e2e.house import House
from tests.waiting import wait_until

BREAKS = """
import os
from watchkeeper import tool

os.register_at_fork(after_in_child=os.abort)

@tool
def nothing() -> str:
    \"\"\"Do nothing.\"\"\"
    return ""
"""
HANGS = "import time\ntime.sleep(600)\n"


@pytest.mark.timeout(120)
def test_ended_while_it_warms_up_it_is_gone_at_once_and_so_is_its_forker(house: House) -> None:
    (house.processes.folder / "hanging.py").write_text(HANGS)
    ended = house.processes.room("workers", "--processes", "1", WATCHKEEPER_TOOLS="hanging")
    killed = house.processes.room("workers", "--processes", "1", WATCHKEEPER_TOOLS="hanging")
    for running in (ended, killed):
        running.says("forker.started")

    ended.signal(signal.SIGTERM)
    assert ended.ended(5) == 0
    killed.signal(signal.SIGKILL)

    wait_until(lambda: not house.processes.alive(), 5)


@pytest.mark.timeout(120)
def test_workers_that_never_come_up_are_given_up_with_the_reason_and_a_bad_number_is_refused(house: House) -> None:
    (house.processes.folder / "breaking.py").write_text(BREAKS)
    running = house.processes.room("workers", "--processes", "1", WATCHKEEPER_TOOLS="breaking")

    assert running.ended(90) == 1
    assert "supervisor.giving_up" in running.output()
    assert "5 workers in a row died before they were ready" in running.output()
    assert "killed by signal 6 (SIGABRT)" in running.output()
    assert house.processes.alive() == []
    for number in ("65", "-1", "many"):
        refused = house.processes.room("workers", "--processes", number)
        assert refused.ended() == 2
        assert "a number from 0 to 64" in refused.output()


@pytest.mark.timeout(180)
def test_a_supervisor_that_a_person_scaled_to_nobody_does_not_end_because_its_forker_does_not_come_up(
    house: House,
) -> None:
    running = house.processes.room("workers", "--processes", "0", WATCHKEEPER_TOOLS="not_there")
    wait_until(lambda: running.output().count("forker.died") >= 5 or running.popen.poll() is not None, 120)

    assert running.stop() == 0
    assert "supervisor.giving_up" not in running.output()
