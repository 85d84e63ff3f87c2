"""A second Ctrl-C of `watchkeeper up`: what runs is handed back, and all of it ends within seconds."""

import signal
from pathlib import Path

import pytest

from shared.clock import SystemClock
from tests.processes import Processes
from tests.rows import Rows
from tests.waiting import wait_until
from watchkeeper.engine import build_engine
from watchkeeper.locations import locate

_SOON = 5.0  # 2 s on a host whose cores all others want too; the time to drain is 25


@pytest.mark.timeout(240)
def test_a_second_ctrl_c_hands_the_running_job_back_and_ends_every_process_at_once(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        up = processes.watchkeeper("up", WATCHKEEPER_LOG_LEVEL="info")
        up.says("watchkeeper is up", 150)
        run = processes.watchkeeper("run", "--no-wait", "default", "go [[slow=60]]")
        assert run.ended(60) == 0, run.output()
        job_id = run.stdout.read_text().strip()
        engine = build_engine(locate({"WATCHKEEPER_HOME": str(processes.home)}).database_url)
        rows = Rows(engine)
        wait_until(lambda: rows.job(job_id)["state"] == "running", 30)

        up.signal(signal.SIGINT)
        up.says("worker.draining")
        clock = SystemClock()
        begun = clock.monotonic()
        up.signal(signal.SIGINT)
        assert up.ended() == 0, up.output()
        took = clock.monotonic() - begun
        assert processes.alive() == []

    row = rows.job(job_id)
    assert (row["state"], row["claimed_by"], rows.events(job_id)) == ("queued", None, ["released"])
    assert [worker["ended_why"] for worker in rows.ended()] == ["stopped"]
    engine.dispose()
    assert took < _SOON, up.output()
