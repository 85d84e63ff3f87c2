"""A worker is killed in the middle of a tool that must not act twice."""

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.house import House
from tests.waiting import wait_until

PAYING = '''
import os, time
from watchkeeper import ToolContext, tool

BOOK = os.environ["BOOK"]

@tool(repeatable=False)
def pay(context: ToolContext) -> str:
    """Pay."""
    with open(BOOK, "a") as book:
        book.write(context.idempotency_key + "\\n")
    while True:
        time.sleep(0.1)
'''


@pytest.mark.timeout(180)
def test_it_acted_once_and_the_model_is_told_that_the_outcome_is_unknown(house: House, tmp_path: Path) -> None:
    house.change_agent(tools='["pay"]')
    book = tmp_path / "book"
    (house.processes.folder / "my_paying.py").write_text(PAYING)
    house.processes.watchkeeper("up", "--workers", "2", WATCHKEEPER_TOOLS="my_paying", BOOK=str(book))
    wait_until(lambda: len([row for row in house.rows.alive() if row["heartbeat"] > 0]) == 2, 60)

    job = house.client.enqueue("default", "go [[tools=1]]")
    wait_until(lambda: book.exists() and book.read_text().endswith("\n"), 60)
    holder = house.holder(job.id)
    assert holder is not None
    os.kill(holder, signal.SIGKILL)
    done = house.done(job.id)

    assert book.read_text() == f"{job.id}:2\n"
    assert "outcome unknown" in str(house.rows.steps(job.id)[1]["result"])
    assert done.steps == 3


@pytest.mark.timeout(180)
def test_a_tool_that_hangs_for_ever_keeps_no_worker_from_ending(house: House, tmp_path: Path) -> None:
    house.change_agent(tools='["pay"]')
    book = tmp_path / "book"
    (house.processes.folder / "my_paying.py").write_text(PAYING)
    environ = {"WATCHKEEPER_TOOLS": "my_paying", "BOOK": str(book), "WATCHKEEPER_DRAIN_SECONDS": "1"}
    up = house.processes.watchkeeper("up", **environ)
    job = house.client.enqueue("default", "go [[tools=1]]")
    wait_until(lambda: book.exists() and book.read_text().endswith("\n"), 60)

    assert up.stop() == 0
    assert (house.rows.job(job.id)["state"], house.rows.job(job.id)["steps"]) == ("queued", 1)
    assert house.processes.alive() == []
