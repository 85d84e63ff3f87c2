"""Tools that end the process they run in, or leave processes of their own behind."""

import json
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.e2e.house import House
from tests.e2e.supervised import Supervised, supervise
from tests.waiting import wait_until
from watchkeeper.states import JobState

QUITS = """
import os
from pathlib import Path
from watchkeeper import tool

@tool
def quits() -> str:
    \"\"\"End the process, as a library does that thinks the process its own.\"\"\"
    book = Path("quits")
    before = book.read_text() if book.exists() else ""
    book.write_text(before + "x")
    os._exit(3 * (len(before) % 2))
"""

STARTS = """
import json, multiprocessing, subprocess, time
from pathlib import Path
from watchkeeper import tool

@tool
def starts() -> str:
    \"\"\"Start two processes and forget them.\"\"\"
    first = subprocess.Popen(["sleep", "300"])
    second = multiprocessing.get_context("fork").Process(target=time.sleep, args=(300,))
    second.start()
    Path("started").write_text(json.dumps([first.pid, second.pid]))
    return "started"
"""


@pytest.mark.timeout(180)
def test_a_job_whose_tool_ends_the_process_in_order_is_dead_after_four_all_the_same(house: House) -> None:
    (house.processes.folder / "quitting.py").write_text(QUITS)
    house.change_agent(tools='["quits"]')
    house.scheduler()
    supervise(house, processes=1, WATCHKEEPER_TOOLS="quitting")

    poison = house.client.enqueue("default", "go [[tools=1]]")

    assert house.client.wait(poison.id, 120).state is JobState.DEAD, house.processes.output()
    row = house.rows.job(poison.id)
    assert (row["error_cause"], row["crashes"], row["crashes_alone"]) == ("poison", 4, 2)
    assert row["error_message"].count("exit code 0 in the midst of its work") == 2
    assert row["error_message"].count("exit code 3 in the midst of its work") == 2


@pytest.mark.timeout(180)
def test_what_a_tool_started_ends_with_its_worker_and_never_hides_that_ones_death(house: House) -> None:
    (house.processes.folder / "starting.py").write_text(STARTS)
    house.change_agent(tools='["starts"]')
    house.scheduler()
    supervised = supervise(house, processes=1, WATCHKEEPER_TOOLS="starting")

    (worker,) = supervised.workers
    children = started_by_a_job(supervised)
    psutil.Process(worker["pid"]).kill()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in children), 10)
    supervised.full_again(1, {worker["pid"]})

    (worker,) = supervised.workers
    children = started_by_a_job(supervised)
    supervised.forker.kill()
    supervised.running.says("forker.died")
    psutil.Process(worker["pid"]).kill()
    dead = wait_until(lambda: row_of(house, worker["id"]), 20)
    assert dead["ended_why"] == "unknown: its forker could not tell"
    for pid in children:  # nobody is left who could tell whose they were
        psutil.Process(pid).terminate()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in children), 10)
    supervised.full_again(1, {worker["pid"]}, 60)


def started_by_a_job(supervised: Supervised) -> list[int]:
    """The processes its tool has started."""
    book = Path(supervised.house.processes.folder / "started")
    book.unlink(missing_ok=True)
    supervised.house.done(supervised.house.client.enqueue("default", "go [[tools=1]]").id)
    found: list[int] = json.loads(book.read_text())
    assert all(psutil.pid_exists(pid) for pid in found)
    return found


def row_of(house: House, incarnation: str) -> dict[str, Any] | None:
    """Its row, once it has ended."""
    return next((row for row in house.rows.ended() if row["id"] == incarnation), None)
