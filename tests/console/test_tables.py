"""Tables on a terminal: what is read off them must be whole."""

import io
import sys

import pytest

from console.cli.output import print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(monkeypatch: pytest.MonkeyPatch, width: int, why: str) -> list[str]:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(("id", "host", "pid", "why"), [("535508c7", "a-rather-long-name", 17392, why)], empty="")
    return terminal.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 60, 120])
def test_a_process_id_is_never_broken(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    row = printed(monkeypatch, width, "killed by signal 9 (SIGKILL)")[2]
    assert row.split()[:3] == ["535508c7", "a-rather-long-name", "17392"]


def test_a_long_reason_folds_beside_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = printed(monkeypatch, 60, "killed by signal 9 (SIGKILL)")[2:]
    assert max(len(first), len(second)) <= 60
    assert second.strip() == "(SIGKILL)"
