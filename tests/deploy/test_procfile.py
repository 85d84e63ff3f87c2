"""honcho, as people run it: everything starts, and its five seconds are enough to stop in order."""

import sys
from pathlib import Path

from tests.configured import MASTER_KEY
from tests.deploy.test_deployment_files import ROOT
from tests.processes import Processes
from tests.waiting import wait_until


def test_honcho_stops_everything_before_it_kills(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environ = {
        "WATCHKEEPER_HOME": str(tmp_path / "home"),
        "WATCHKEEPER_MASTER_KEY": MASTER_KEY,
        "WATCHKEEPER_WORKER_PROCESSES": "1",
        "WATCHKEEPER_WORKER_THREADS": "10",
        "WATCHKEEPER_LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }
    with Processes(tmp_path, environ) as processes:
        honcho = processes.room("honcho", "-f", str(ROOT / "Procfile"), "-d", str(tmp_path), "start")
        honcho.says("scheduler.ready", 60)
        honcho.says("worker.ready", 90)
        honcho.stop()
        wait_until(lambda: not processes.alive(), 20)
        assert "sending SIGKILL" not in honcho.output(), honcho.output()
        assert '"seconds": 2' in honcho.output()  # the drain of the Procfile's own line
