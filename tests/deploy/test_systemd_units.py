"""systemd accepts the units, and their times fit the drain they state."""

import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from console.cli.main import cli
from tests.deploy.test_deployment_files import HAND_BACK_SECONDS, ROOT
from workers.supervisor.life import START_SECONDS
from workers.supervisor.service_manager import PATIENCE_SECONDS

UNITS = ROOT / "deploy" / "systemd"
SERVICES = ("store", "scheduler", "worker")
FORKER_SECONDS = 120  # until it is given up: workers/supervisor/forking.py
COMMAND = "/opt/watchkeeper/.venv/bin/watchkeeper"


class Unit(RawConfigParser):
    """Keeps the case of names; a name may come twice, as Environment does: all its values in one."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read(path)
        self.environment = " ".join(re.findall(r"^Environment=(.*)$", path.read_text(), re.MULTILINE))


def service(name: str) -> Unit:
    return Unit(UNITS / f"watchkeeper-{name}.service")


@pytest.mark.parametrize("name", SERVICES)
def test_each_unit_starts_a_command_that_exists_and_comes_back(name: str) -> None:
    unit = service(name)
    assert unit["Service"]["ExecStart"] == f"{COMMAND} {name}"
    assert name in cli.list_commands(None)  # type: ignore[arg-type]
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["PartOf"] == unit["Install"]["WantedBy"] == "watchkeeper.target"


def test_the_workers_have_their_drain_and_the_time_to_hand_back() -> None:
    unit = service("worker")
    drain = re.search(r"WATCHKEEPER_DRAIN_SECONDS=(\d+)", unit.environment)
    assert drain is not None
    assert float(unit["Service"]["TimeoutStopSec"]) >= float(drain[1]) + HAND_BACK_SECONDS
    assert unit["Service"]["KillMode"] == "mixed"  # TERM to all at once would drain behind the supervisor's back
    assert unit["Service"]["Type"] == "notify"
    assert "-HUP" in unit["Service"]["ExecReload"]
    assert float(unit["Service"]["WatchdogSec"]) >= 10


def test_a_slow_start_or_one_killed_worker_does_not_end_those_that_serve() -> None:
    unit = service("worker")["Service"]
    assert float(unit["TimeoutStartSec"]) >= FORKER_SECONDS + START_SECONDS + PATIENCE_SECONDS
    assert unit["OOMPolicy"] == "continue"  # systemd's own default stops the unit


@pytest.mark.parametrize("name", SERVICES)
def test_no_unit_can_win_privileges(name: str) -> None:
    unit = service(name)["Service"]
    assert unit["User"] == "watchkeeper"
    assert unit["NoNewPrivileges"] == "true"
    assert unit["CapabilityBoundingSet"] == ""
    assert unit["UMask"] == "0077"


def test_the_store_ends_after_those_who_use_it() -> None:
    for name in ("scheduler", "worker"):
        assert "watchkeeper-store.service" in service(name)["Unit"]["After"].split()


def test_systemd_itself_accepts_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed; the other tests read the units")
    command = Path(sys.executable).with_name("watchkeeper")
    for path in UNITS.iterdir():
        text = path.read_text().replace(COMMAND, str(command))
        for account in ("User", "Group"):
            text = text.replace(f"{account}=watchkeeper\n", f"{account}=root\n")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", *sorted(str(path) for path in tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    ours = [line for line in done.stderr.splitlines() if "watchkeeper" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
