"""`watchkeeper workers`: who works."""

import click

from console.cli.opening import opened
from console.cli.output import json_option, print_table, show
from console.spans import in_words
from console.workers import list_workers
from shared.db.reading import reading


@click.group()
def workers() -> None:
    """Who works."""


@workers.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the worker processes that are believed alive."""
    with opened() as stores, reading(stores.engine) as connection:
        found = list_workers(connection)
    show(
        as_json,
        found,
        lambda: print_table(
            ("host", "pid", "up", "generation", "running", "threads", "heartbeat"),
            (
                (
                    row["host"],
                    row["pid"],
                    in_words(row["age_ms"]),
                    row["generation"],
                    row["running"],
                    row["threads"],
                    f"{in_words(row['heartbeat_age_ms'])} ago",
                )
                for row in found
            ),
            empty="no worker is running: `watchkeeper up`, or `watchkeeper worker`",
        ),
    )
