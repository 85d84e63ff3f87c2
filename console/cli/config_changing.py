"""`watchkeeper config apply`, `rollback` and `lint`: the configuration changed as a whole."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import click
from sqlalchemy import Connection

from console.cli.changing import apply_in, force_option, forced, tell_applied, with_way_out
from console.cli.opening import Opened, opened
from console.cli.output import json_option, print_json, print_table, say, show
from console.cli.values import read_text_file
from console.editing import rehearse_edit
from shared.config.applying import apply_document
from shared.config.linting import Stain, fix, lint
from shared.config.publishing import load_generation
from shared.config.reading_yaml import Problems, read_document
from shared.config.rolling_back import roll_back
from shared.config.servable import Unservable
from shared.db.reading import reading
from shared.errors import ConfigurationError
from watchkeeper.news import News, tell

_FOUND: Final = 1


@click.command("apply")
@click.option("-f", "--file", "path", required=True, metavar="FILE", help="YAML; - reads standard input.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would be done; store nothing.")
@click.option("--expect-generation", "expected", type=int, metavar="N", help="Refuse when another one is the newest.")
@force_option
@json_option
def apply_(path: str, dry_run: bool, expected: int | None, as_json: bool) -> None:
    """Make the configuration what FILE says, written as by `config show --yaml`.

    A section that is there is complete, one that is not is left alone.
    """
    document, problems = read_document(read_text_file(path))
    if expected is None:
        expected = document.generation
    with opened(create=True) as stores:
        sealer = stores.sealer()

        def edit(connection: Connection) -> list[str]:
            own = Problems(problems.lines, list(problems.found))
            return apply_document(connection, document, own, sealer, stores.settings.environ)

        if dry_run:
            _tell_rehearsed(as_json, _rehearse(stores, edit, expected))
            return
        applied = apply_in(stores, edit, expected=expected)
    tell_applied(as_json, applied)


@click.command("rollback")
@click.argument("generation", type=click.IntRange(min=1))
@click.option("--dry-run", is_flag=True, help="Say what would be done; store nothing.")
@force_option
@json_option
def rollback(generation: int, dry_run: bool, as_json: bool) -> None:
    """Publish an older generation as a new one. What it did not know is switched off, not deleted."""

    def edit(connection: Connection) -> list[str]:
        return roll_back(connection, load_generation(connection, generation))

    with opened(create=True) as stores:
        if dry_run:
            _tell_rehearsed(as_json, _rehearse(stores, edit, None))
            return
        applied = apply_in(stores, edit)
    tell_applied(as_json, applied)


@click.command("lint")
@click.option("--fix", "mend", is_flag=True, help="Take out what is found and fail the jobs, each one listed.")
@json_option
def lint_(mend: bool, as_json: bool) -> int:
    """What older data holds that would be refused today. Ends with 1 while something is left."""
    with opened(create=mend) as stores:
        if mend:
            _fix(stores, as_json)
        with reading(stores.engine) as connection:
            left = lint(connection)
    if not mend or left:
        show(
            as_json,
            [asdict(stain) for stain in left],
            lambda: print_table(
                ("where", "what", "--fix"),
                ((stain.where, stain.words, "takes it out" if stain.fixable else "you choose") for stain in left),
                empty="nothing found",
            ),
        )
    return _FOUND if left else 0


def _fix(stores: Opened, as_json: bool) -> None:
    news = News()

    def edit(connection: Connection) -> list[str]:
        news.ended.clear()
        found: list[Stain] = lint(connection)
        return fix(connection, found, news) or ["nothing to fix"]

    applied = apply_in(stores, edit, force=True)  # it only takes out what serves nobody
    tell(stores.redis, news)
    if not as_json:
        tell_applied(False, applied)
    else:
        say("\n".join(applied.done))


def _rehearse(stores: Opened, edit: Callable[[Connection], list[str]], expected: int | None) -> list[str]:
    try:
        return rehearse_edit(stores.engine, edit, force=forced(), expected=expected)
    except Unservable as error:
        raise ConfigurationError(with_way_out(error)) from error


def _tell_rehearsed(as_json: bool, done: list[str]) -> None:
    if as_json:
        print_json({"would": done})
        return
    for words in done:
        say(f"would: {words}")
    say("nothing was stored")
