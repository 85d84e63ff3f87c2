"""Which tools a worker has, and how it says that it cannot have one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from workers.tools.loading import load_tools

GREETING = '''
from watchkeeper import tool

@tool
def greet(name: str) -> str:
    """Greet somebody."""
    return "hello " + name
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with modules of its own."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


def test_modules_of_the_working_directory_are_loaded_beside_the_built_in_tools(folder: Path) -> None:
    (folder / "my_greeting.py").write_text(GREETING)
    (folder / "my_other.py").write_text("from my_greeting import greet")  # the same function twice is one tool
    tools = load_tools(("my_greeting", "my_other"))
    assert set(tools) == {"current_time", "greet"}
    assert tools["greet"].module == "my_greeting"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import there_is_no_such_module", "cannot be imported: ModuleNotFoundError"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit"),
        ("1 +", "cannot be imported: SyntaxError"),
        ("x = 1", "there is no function marked with @tool"),
        ("from watchkeeper import tool\n@tool\ndef f(*a): ...", "f cannot be a tool: its parameter \\*a"),
        (GREETING.replace("def greet", "def current_time"), "two tools are called 'current_time'"),
    ],
)
def test_what_cannot_be_loaded_is_said_at_the_start(folder: Path, text: str, words: str) -> None:
    (folder / "my_broken.py").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        load_tools(("my_broken",))


def test_an_installed_package_brings_tools_by_its_entry_point(folder: Path) -> None:
    (folder / "my_packaged.py").write_text(GREETING)
    info = folder / "my_packaged-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: my-packaged\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[watchkeeper.tools]\ngreeting = my_packaged\n")
    sys.path.append(str(folder))
    assert load_tools(())["greet"].module == "my_packaged"


def listed(**environ: str) -> "subprocess.CompletedProcess[str]":
    """`watchkeeper tools ls --json`."""
    wk = Path(sys.executable).with_name("watchkeeper")
    return subprocess.run(
        [wk, "tools", "ls", "--json"], env={**os.environ, **environ}, capture_output=True, text=True, timeout=60
    )


def test_the_command_line_lists_them_without_loading_them_itself(folder: Path) -> None:
    (folder / "my_greeting.py").write_text("print('noise on import')\n" + GREETING)
    ran = listed(WATCHKEEPER_TOOLS=" my_greeting ,")
    assert [(tool["name"], tool["repeatable"], tool["module"]) for tool in json.loads(ran.stdout)] == [
        ("current_time", True, "built in"),
        ("greet", True, "my_greeting"),
    ]


def test_the_command_line_says_why_they_cannot_be_listed(folder: Path) -> None:
    ran = listed(WATCHKEEPER_TOOLS="my_missing")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "the module 'my_missing' cannot be imported" in ran.stderr
