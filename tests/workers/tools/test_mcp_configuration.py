"""The file of MCP servers: what is read, what is refused in words, and what is never shown."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigurationError
from workers.tools.mcp.configuration import Address, Command, ServerConfig, read_servers
from workers.tools.mcp.pausing import pause

SECRET = "correct-horse-battery"


def read(folder: Path, text: Any, **environ: str) -> tuple[ServerConfig, ...]:
    path = folder / "mcp.json"
    path.write_text(text if isinstance(text, str) else json.dumps({"mcpServers": text}))
    return read_servers(path, environ)


def test_without_a_file_there_are_no_servers() -> None:
    assert read_servers(None, {}) == ()


def test_both_kinds_are_read_with_variables_of_the_environment(tmp_path: Path) -> None:
    files, web = read(
        tmp_path,
        {
            "files": {"command": "npx", "args": ["-y", "files"], "env": {"T": "${TOKEN}"}, "autoApprove": ["x"]},
            "web": {
                "type": "http",
                "url": "https://example.com/mcp?key=${TOKEN}",
                "headers": {"Authorization": "Bearer ${TOKEN}"},
                "repeatable": True,
                "timeout_seconds": 5,
            },
            "off": {"command": "x", "disabled": True},
        },
        TOKEN=SECRET,
    )
    assert files.reach == Command("npx", ("-y", "files"), {"T": SECRET}, None)
    assert (files.repeatable, files.timeout_seconds) == (None, 60)
    assert web.reach == Address(f"https://example.com/mcp?key={SECRET}", {"Authorization": f"Bearer {SECRET}"})
    assert (web.repeatable, web.timeout_seconds) == (True, 5)
    assert SECRET not in f"{files} {web} {files.hide(SECRET)} {web.hide(f'GET /mcp?key={SECRET}')}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{broken", "is no JSON"),
        ("[]", "is not of the form"),
        ({"a__b": {"command": "x"}}, "'a__b': a name has letters"),
        ({"a" * 33: {"command": "x"}}, "at most 32"),
        ({"a": []}, "is not a JSON object"),
        ({"a": {}}, 'either "command" or "url"'),
        ({"a": {"command": "x", "url": "http://x"}}, 'either "command" or "url"'),
        ({"a": {"url": "ftp://x"}}, "begins with http"),
        ({"a": {"url": "http://x", "type": "sse"}}, "old SSE transport"),
        ({"a": {"command": "x", "args": "y"}}, '"args" a list of texts'),
        ({"a": {"command": "x", "cwd": 1}}, '"cwd" is a text'),
        ({"a": {"command": "x", "env": {"A": 1}}}, '"env" is an object of texts'),
        ({"a": {"command": "x", "env": {"A": "${ABSENT}"}}}, "the variable ABSENT is set neither"),
        ({"a": {"command": "x", "repeatable": "yes"}}, '"repeatable" is true, false or a list'),
        ({"a": {"command": "x", "timeout_seconds": 0}}, '"timeout_seconds" is a number above 0'),
    ],
)
def test_what_cannot_be_used_ends_the_start_with_words(tmp_path: Path, text: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match="WATCHKEEPER_MCP_SERVERS") as raised:
        read(tmp_path, text)
    assert words in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.json cannot be read: No such file"):
        read_servers(tmp_path / "absent.json", {})


def test_a_lost_server_is_tried_again_soon_and_then_once_a_minute() -> None:
    assert [pause(failures, 1.0) for failures in (1, 2, 3, 7, 1000)] == [1, 2, 4, 60, 60]
    assert pause(1, 0.0) == 0.5


def test_a_worker_without_servers_does_not_load_the_client() -> None:
    asking = "import sys, workers.worker, workers.supervisor.warming; print('mcp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "False"
