"""The entry: quick where nothing is asked of the stores, one line and a documented code where something is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.command_line import KEY, CommandLine
from tests.servers import short_folder


def test_help_and_version_load_nothing_heavy() -> None:
    for option in ("--help", "--version"):
        script = (
            "import sys; from console.cli.main import main\n"
            f"try: main([{option!r}])\n"
            "except SystemExit: pass\n"
            "print(sorted({'sqlalchemy', 'redis', 'rich', 'structlog', 'alembic'} & set(sys.modules)))"
        )
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command",
    ["run", "jobs", "keys", "providers", "models", "agents", "config", "workers", "status", "doctor", "up"],
)
def test_every_command_explains_itself(wk: CommandLine, command: str) -> None:
    assert "Usage: watchkeeper" in wk.ok(command, "--help").out


def test_usage_errors_end_with_2(wk: CommandLine) -> None:
    assert wk("nonsense").code == 2
    assert wk("jobs", "cancel").code == 2
    assert wk("keys", "ls", "--nonsense").code == 2


def test_a_broken_env_file_is_named_with_its_line_but_not_its_text(wk: CommandLine, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"A=1\nGROQ_API_KEY {KEY}\n")

    said = wk.refused("keys", "add", "groq", "--stdin", stdin=KEY)

    assert "line 2" in said and KEY not in said


@pytest.mark.parametrize("arguments", [["jobs", "ls"], ["keys", "add", "groq", "--stdin"], ["run", "default", "x"]])
def test_a_database_without_tables_is_told_to_be_migrated(
    wk: CommandLine, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")

    ran = wk(*arguments, stdin=KEY)

    assert ran.code == 3
    assert "watchkeeper migrate" in ran.err and "Traceback" not in ran.err


def test_looking_makes_no_home_and_the_first_key_does(wk: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "WATCHKEEPER_MASTER_KEY"):
        monkeypatch.delenv(name)
    with short_folder("home") as folder:
        home = folder / "home"
        monkeypatch.setenv("WATCHKEEPER_HOME", str(home))

        assert wk("jobs", "ls").code == wk("status").code == wk("doctor").code == 3
        assert not home.exists()

        wk.ok("keys", "add", "groq", "--stdin", stdin=KEY)

        assert wk.json("keys", "ls")[0]["label"] == "Groq key 1"
        assert (home / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_reader_that_goes_away_makes_no_traceback(wk: CommandLine) -> None:
    wk.rows.enqueue(300)
    command = [sys.executable, "-c", "from console.cli.main import main; main()", "jobs", "ls", "--limit", "300"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(30) == 1

    assert said == b""
