"""How commands that edit the configuration run the edit and tell of it."""

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import Connection

from console.author import author
from console.cli.opening import Opened, opened
from console.cli.output import print_json, say
from console.editing import Applied, apply_edit


def change(as_json: bool, edit: Callable[[Connection], list[str]]) -> None:
    """Open the stores, apply `edit`, tell of it."""
    with opened(create=True) as stores:
        tell_applied(as_json, apply_in(stores, edit))


def apply_in(stores: Opened, edit: Callable[[Connection], list[str]]) -> Applied:
    """Apply `edit` as the person at this terminal."""
    return apply_edit(stores.engine, stores.redis, edit, author=author())


def tell_applied(as_json: bool, applied: Applied) -> None:
    """Say what was done and from which generation on."""
    if as_json:
        print_json({"done": applied.done, "generation": applied.generation, "rung": applied.rung})
        return
    for words in applied.done:
        say(words)
    if applied.generation is None:
        say("stored; what the workers run on is unchanged")
    elif applied.rung:
        say(f"generation {applied.generation} is published: workers use it from their next call on")
    else:
        say(f"generation {applied.generation} is stored; Redis is away: workers learn of it from SQL")


def given(**options: Any) -> dict[str, Any]:
    """The options that were given on the command line, so that an edit changes nothing else."""
    context = click.get_current_context()
    source = click.core.ParameterSource
    return {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) not in (source.DEFAULT, source.DEFAULT_MAP, None)
    }
