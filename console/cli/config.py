"""`watchkeeper config`: what the workers run on, what it was before, and changing it as a whole."""

from typing import Any

import click

from console.cli.config_changing import apply_, lint_, rollback
from console.cli.opening import opened
from console.cli.output import json_option, print_table, print_text, say, show
from console.cli.values import read_text_file
from console.configuration import list_snapshots, newest_snapshot, write_yaml
from shared.clock import moment
from shared.config.document import current_document, difference, snapshot_document
from shared.config.publishing import load_generation, load_newest
from shared.config.reading_yaml import read_document
from shared.config.snapshot import Snapshot
from shared.db.reading import reading


@click.group()
def config() -> None:
    """What the workers run on, what it was before, and changing it as a whole."""


config.add_command(apply_)
config.add_command(rollback)
config.add_command(lint_)


@config.command("show")
@click.option("--yaml", "as_yaml", is_flag=True, help="What people configured, as `config apply` reads it.")
@json_option
def show_(as_yaml: bool, as_json: bool) -> None:
    """The newest published configuration, without secrets."""
    with opened() as stores, reading(stores.engine) as connection:
        if as_yaml:
            print_text(write_yaml(connection))
            return
        found = newest_snapshot(connection)
    show(as_json, found, lambda: _print(found))


@config.command("diff")
@click.argument("before", metavar="[FILE | GENERATION]", required=False)
@click.argument("after", metavar="[GENERATION]", required=False)
@json_option
def diff(before: str | None, after: str | None, as_json: bool) -> None:
    """What FILE would change; or what changed since a generation, or between two. Ends with 0 either way."""
    with opened() as stores, reading(stores.engine) as connection:
        newest = load_newest(connection)
        if before is not None and not before.isdecimal():
            if after is not None:
                raise click.UsageError("a file is compared with the present configuration: leave the generation out")
            document, problems = read_document(read_text_file(before))
            problems.raise_any()
            lines = difference(current_document(connection), document.sections)
        else:
            old = max(newest.generation - 1, 0) if before is None else int(before)
            new = newest if after is None else load_generation(connection, _number(after))
            first = load_generation(connection, old) if old else Snapshot(0)
            lines = difference(snapshot_document(first), snapshot_document(new))
    show(as_json, lines, lambda: print_text("\n".join(lines)) if lines else say("nothing differs"))


@config.command("history")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@json_option
def history(limit: int, as_json: bool) -> None:
    """Who published what, the newest first."""
    with opened() as stores, reading(stores.engine) as connection:
        found = list_snapshots(connection, limit=limit)
    show(
        as_json,
        found,
        lambda: print_table(
            ("generation", "published", "by", "what"),
            (
                (
                    row["generation"],
                    f"{moment(row['published_at']):%Y-%m-%d %H:%M:%S} UTC",
                    row["author"],
                    row["comment"],
                )
                for row in found
            ),
            empty="nothing was published yet",
        ),
    )


def _number(text: str) -> int:
    if not text.isdecimal():
        raise click.UsageError(f"{text!r} is no generation: see `watchkeeper config history`")
    return int(text)


def _print(found: dict[str, Any]) -> None:
    click.echo(f"generation {found['generation']}\n")
    print_table(
        ("provider", "kind", "base", "keys in order"),
        (
            (
                provider["name"],
                provider["kind"],
                provider["api_base"],
                [f"{key['label']} ({key['mask']})" for key in found["keys"] if key["provider"] == provider["name"]],
            )
            for provider in found["providers"]
        ),
        empty="no provider",
    )
    click.echo("")
    print_table(
        ("agent", "models in order", "tools", "on outage"),
        (
            (agent["name"], " > ".join(agent["models"]) or None, agent["tools"], agent["on_outage"])
            for agent in found["agents"]
        ),
        empty="no agent",
    )
