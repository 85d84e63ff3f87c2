"""Printing: data on stdout, as a table or as JSON; words on stderr."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import click

json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WIDE: Final = 10_000  # into a pipe or file nothing is cut or wrapped
_UNBROKEN: Final = 40  # on a narrow terminal longer texts fold, and the last column; a number or id never breaks
_FOLDED: Final = 20
_GAP: Final = 2


def say(words: str) -> None:
    """Tell a person, on stderr."""
    click.echo(words, err=True)


def print_json(data: Any) -> None:
    """`data` as JSON on stdout."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_text(text: str) -> None:
    """`text` as it is; on a terminal without control characters: a model's answer must not drive it."""
    click.echo(plain(text) if sys.stdout.isatty() else text)


def print_piece(text: str) -> None:
    """A piece of a longer text, seen at once; as `print_text`."""
    click.echo(plain(text) if sys.stdout.isatty() else text, nl=False)


def plain(text: str) -> str:
    """`text` without control characters."""
    return _CONTROL.sub("", text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """A table on stdout; `empty` is told on stderr when there is no row. None shows as "-"."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    found = [[Text(_CONTROL.sub(" ", _cell(value))) for value in row] for row in rows]
    if not found:
        say(empty)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    needed = -_GAP
    for number, name in enumerate(columns):
        width = max(len(name), *(row[number].cell_len for row in found))
        folds = width > (_FOLDED if number == len(columns) - 1 else _UNBROKEN)
        table.add_column(name, overflow="fold", no_wrap=not folds, min_width=_FOLDED if folds else width)
        needed += _GAP + (_FOLDED if folds else width)
    for row in found:
        table.add_row(*row)
    console = Console(file=sys.stdout)
    # A terminal too narrow breaks whole lines: half a process id would be another process.
    if not sys.stdout.isatty() or console.width < needed:
        console.width = _WIDE
    console.print(table, soft_wrap=False)


def show(as_json: bool, data: Any, human: Callable[[], None]) -> None:
    """`data` as JSON, or what `human` prints."""
    if as_json:
        print_json(data)
    else:
        human()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value)
