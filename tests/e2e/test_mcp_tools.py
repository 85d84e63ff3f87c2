"""MCP servers of real workers: used, listed, and gone with the worker that started them, however it ends."""

import json
import os
import signal
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.e2e.house import House
from tests.waiting import wait_until
from tests.workers.tools.mcp_house import here, left_of, written


@pytest.mark.timeout(180)
def test_a_job_uses_the_tool_of_a_server_and_tools_ls_shows_it(house: House, tmp_path: Path) -> None:
    house.change_agent(tools='["test__environment"]')
    file = str(written(tmp_path, test=here(tmp_path), nowhere={"url": "http://127.0.0.1:9/mcp"}))
    up = house.processes.watchkeeper("up", "--workers", "1", WATCHKEEPER_MCP_SERVERS=file)

    done = house.done(house.client.enqueue("default", "go [[tools=1]]").id)
    assert done.steps == 3
    assert "PATH" in str(house.rows.steps(done.id)[1]["result"])

    listing = house.processes.watchkeeper("tools", "ls", "--json", WATCHKEEPER_MCP_SERVERS=file)
    assert listing.ended() == 0
    assert "test__add" in {tool["name"] for tool in json.loads(listing.stdout.read_text())}
    assert "the MCP server 'nowhere' is away" in listing.stderr.read_text()

    assert up.stop() == 0
    wait_until(lambda: not left_of(tmp_path))


@pytest.mark.timeout(180)
def test_a_killed_worker_leaves_no_server_behind_not_even_a_frozen_one(house: House, tmp_path: Path) -> None:
    house.change_agent(tools='["test__freeze"]')
    file = str(written(tmp_path, test=here(tmp_path)))
    up = house.processes.watchkeeper("up", "--workers", "1", WATCHKEEPER_MCP_SERVERS=file)
    job = house.client.enqueue("default", "go [[tools=1]]")
    frozen = tmp_path / "frozen"
    wait_until(lambda: frozen.exists() and frozen.read_text(), 60)
    server, child = int((tmp_path / "pid").read_text()), int(frozen.read_text())
    holder = house.holder(job.id)
    assert holder is not None

    os.kill(holder, signal.SIGKILL)
    wait_until(lambda: not _lives(server) and not _lives(child))
    house.done(job.id)
    assert "outcome unknown" in str(house.rows.steps(job.id)[1]["result"])

    assert up.stop() == 0
    wait_until(lambda: not left_of(tmp_path))


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
