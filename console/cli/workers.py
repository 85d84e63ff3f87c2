"""`watchkeeper workers`: who works; the orders are in `workers_ordering.py`."""

from typing import Any

import click

from console.cli.opening import opened
from console.cli.output import json_option, print_table, show
from console.cli.workers_ordering import drain, recycle, scale, stop
from console.spans import in_words
from console.workers import list_supervisors, list_workers
from shared.db.reading import reading


@click.group()
def workers() -> None:
    """Who works: look, replace, drain, scale. An id may be shortened to its beginning."""


@workers.command("ls")
@click.option("--all", "ended", is_flag=True, help="Also those that ended within the last day, and why.")
@json_option
def ls(ended: bool, as_json: bool) -> None:
    """List the worker processes and their supervisors."""
    with opened() as stores, reading(stores.engine) as connection:
        found = list_workers(connection, ended=ended)
        owners = list_supervisors(connection, found)
    show(as_json, {"workers": found, "supervisors": owners}, lambda: _print(found, owners))


def _print(found: list[dict[str, Any]], owners: list[dict[str, Any]]) -> None:
    print_table(
        ("id", "host", "pid", "state", "up", "running", "done", "MiB", "lag", "gen", "heard", "why"),
        (
            (
                row["id"][:8],
                row["host"],
                row["pid"],
                row["state"],
                in_words(row["age_ms"]),
                f"{row['running']}/{row['threads']}",
                row["jobs_done"],
                row["rss_mb"],
                None if row["loop_lag_ms"] is None else f"{row['loop_lag_ms']} ms",
                row["generation"],
                f"{in_words(row['heartbeat_age_ms'])} ago",
                row["why"],
            )
            for row in found
        ),
        empty="no worker is running: `watchkeeper up`, or `watchkeeper worker`",
    )
    if not owners:
        return
    click.echo()
    print_table(
        ("supervisor", "host", "pid", "up", "ready", "threads each", "heard"),
        (
            (
                row["id"][:8],
                row["host"],
                row["pid"],
                in_words(row["age_ms"]),
                f"{row['ready']} of {row['processes']}",
                row["threads"],
                f"{in_words(row['heartbeat_age_ms'])} ago",
            )
            for row in owners
        ),
        empty="",
    )


for command in (recycle, drain, stop, scale):
    workers.add_command(command)
