"""How commands that edit the configuration run the edit and tell of it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import click
from sqlalchemy import Connection

from console.author import author
from console.cli.opening import Opened, opened
from console.cli.output import print_json, say
from console.editing import Applied, apply_edit
from shared.config.servable import Unservable
from shared.errors import ConfigurationError

_FORCE: Final = "console.force"
_LATE: Final = 4


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[_FORCE] = value


force_option: Final = click.option(
    "--force",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Publish although agents lose everybody they could ask: their jobs park.",
)
"""For commands that take something away; `apply_in` heeds it."""


def change(as_json: bool, edit: Callable[[Connection], list[str]]) -> None:
    """Open the stores, apply `edit`, tell of it. Ends the command with 4 when a worker is late."""
    with opened(create=True) as stores:
        applied = apply_in(stores, edit)
    tell_applied(as_json, applied)


def apply_in(
    stores: Opened, edit: Callable[[Connection], list[str]], *, expected: int | None = None, force: bool = False
) -> Applied:
    """Apply `edit` as the person at this terminal; `force` counts besides --force."""
    force = force or forced()
    try:
        return apply_edit(stores.engine, stores.redis, edit, author=author(), force=force, expected=expected)
    except Unservable as error:
        raise ConfigurationError(with_way_out(error)) from error


def forced() -> bool:
    """Was --force given?"""
    return bool(click.get_current_context().meta.get(_FORCE))


def with_way_out(error: Unservable) -> str:
    """The refusal, and --force where the command has it."""
    if _FORCE not in click.get_current_context().meta:
        return str(error)
    return f"{error}\nwith --force it is published all the same; jobs of agents that nobody serves park until then"


def tell_applied(as_json: bool, applied: Applied) -> None:
    """Say what was done and where it is in force. Ends the command with 4 when a worker is late."""
    if as_json:
        print_json(asdict(applied))
    else:
        for words in [*applied.done, *_standing(applied)]:
            say(words)
    if applied.acknowledged is not None and applied.acknowledged.late:
        click.get_current_context().exit(_LATE)


def _standing(applied: Applied) -> list[str]:
    if applied.generation is None or applied.acknowledged is None:
        return ["stored; what the workers run on is unchanged"]
    told = [f"nobody can serve agent {name} now: its jobs park" for name in applied.unserved]
    if not applied.rung:
        told.append(f"generation {applied.generation} is stored; Redis is away: workers learn of it from SQL")
    reached = applied.acknowledged
    if not reached.workers:
        return [*told, f"generation {reached.generation} is published; no worker is alive"]
    there = reached.workers - len(reached.late)
    told.append(
        f"generation {reached.generation} is in force on {there} of {reached.workers} workers ({reached.ms} ms)"
    )
    return told + [f"late: {late}" for late in reached.late]


def given(**options: Any) -> dict[str, Any]:
    """The options that were given on the command line, so that an edit changes nothing else."""
    context = click.get_current_context()
    source = click.core.ParameterSource
    return {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) not in (source.DEFAULT, source.DEFAULT_MAP, None)
    }
