"""A key typed at a real terminal: asked for, taken, and never echoed."""

import os
import pty
import subprocess
import sys

from tests.console.command_line import KEY, CommandLine


def test_a_typed_key_is_hidden(wk: CommandLine) -> None:
    terminal, inside = pty.openpty()
    command = [sys.executable, "-c", "from console.cli.main import main; main()", "keys", "add", "groq"]
    with subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, start_new_session=True) as process:
        os.close(inside)
        seen = b""
        while b"(hidden): " not in seen:
            seen += os.read(terminal, 1000)
        os.write(terminal, f"{KEY}\n".encode())
        seen += _rest(terminal)
        assert process.wait(30) == 0, seen
    os.close(terminal)

    assert b"Groq key 1" in seen and KEY.encode() not in seen
    assert wk.json("keys", "ls")[0]["mask"] == "gsk_0123...mnop"


def _rest(terminal: int) -> bytes:
    seen = b""
    try:
        while part := os.read(terminal, 1000):
            seen += part
    except OSError:  # how Linux tells that the other end of a terminal is gone
        pass
    return seen
