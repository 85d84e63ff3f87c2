"""Every log event stands in docs/operations.md: who is on call looks it up there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("shared", "workers", "scheduler", "console")
LEVELS = {"info", "warning", "error", "critical", "exception"}  # debug is for us


def test_every_event_of_the_code_is_in_the_table() -> None:
    documented = _documented()
    missing = {
        event: f"{path.relative_to(ROOT)}:{line}" for event, path, line in _logged() if event not in documented
    }
    assert not missing, f"docs/operations.md, 'Log events', lacks: {missing}"


def test_the_table_names_no_event_that_nobody_logs() -> None:
    sources = "\n".join(path.read_text() for path in _sources())
    formatted = ("job.parked", "job.yielded")  # f"job.{event}"
    stale = {event for event in _documented() if event not in formatted and f'"{event}"' not in sources}
    assert not stale, f"docs/operations.md, 'Log events', names what nobody logs: {sorted(stale)}"


def _documented() -> set[str]:
    text = (ROOT / "docs" / "operations.md").read_text().partition("## Log events")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {event for cell in first_cells for event in re.findall(r"`([a-z_]+\.[a-z_]+)`", cell)}


def _logged() -> list[tuple[str, Path, int]]:
    found = []
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("log", "logger")
                and node.args
            ):
                found += [(event, path, node.lineno) for event in _events(node.args[0])]
    return found


def _events(argument: ast.expr) -> list[str]:
    """One name, or either of `this if so else that`."""
    if isinstance(argument, ast.IfExp):
        return _events(argument.body) + _events(argument.orelse)
    return [str(argument.value)] if isinstance(argument, ast.Constant) else []


def _sources() -> list[Path]:
    return [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
