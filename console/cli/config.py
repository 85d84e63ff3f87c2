"""`watchkeeper config`: what the workers run on, and what it was before."""

from typing import Any

import click

from console.cli.opening import opened
from console.cli.output import json_option, print_table, show
from console.configuration import list_snapshots, newest_snapshot
from shared.clock import moment
from shared.db.reading import reading


@click.group()
def config() -> None:
    """What the workers run on, and what it was before."""


@config.command("show")
@json_option
def show_(as_json: bool) -> None:
    """The newest published configuration, without secrets."""
    with opened() as stores, reading(stores.engine) as connection:
        found = newest_snapshot(connection)
    show(as_json, found, lambda: _print(found))


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
