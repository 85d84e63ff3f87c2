"""The rooms stay apart, and a command that needs no room loads none."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[1]


def test_rooms_import_shared_and_never_each_other() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache", "--config", "pyproject.toml"], cwd=_PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_loads_neither_the_database_nor_litellm(argument: str) -> None:
    program = (
        "import sys; from console.cli.main import main\n"
        f"try:\n    main([{argument!r}])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'sqlalchemy', 'litellm', 'redis', 'cryptography', 'dramatiq'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("scheduler.scheduler", {"litellm", "dramatiq", "workers", "console"}),
        ("console.local.up", {"litellm", "dramatiq", "workers", "scheduler"}),
        ("workers.supervisor.controller", {"litellm", "dramatiq", "scheduler", "console"}),
        ("workers.worker", {"litellm", "scheduler", "console"}),  # litellm once the stores answered
        ("watchkeeper.client", {"litellm", "dramatiq", "shared", "workers", "structlog"}),
    ],
)
def test_a_process_loads_no_room_but_its_own(module: str, absent: set[str]) -> None:
    program = f"import sys, {module}; print(sorted({absent!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
