"""`watchkeeper agents`: how jobs are run."""

import json
from typing import Any

import click

from console.cli.changing import change, given
from console.cli.opening import opened
from console.cli.output import json_option, print_table, print_text, show
from console.cli.values import JsonFileOrNone, Names, NumberOrNone, TextOrFile
from console.configuration import list_agents
from shared.config.editing_agents import AgentFields, add_agent, edit_agent, remove_agent
from shared.db.reading import reading
from shared.errors import UnknownName


@click.group()
def agents() -> None:
    """How jobs are run: prompt, models, limits. An agent `default` always exists."""


def _fields(command: Any) -> Any:
    for decorator in (
        click.option(
            "--output-schema",
            type=JsonFileOrNone(),
            help='A JSON schema that answers must keep to: its file, "-" for standard input, or none.',
        ),
        click.option("--on-outage", type=click.Choice(["wait", "fail"]), help="When nobody can serve."),
        click.option("--max-steps", type=int, help="LLM replies and tool results of one job."),
        click.option("--tools", type=Names(), help="e.g. current_time."),
        click.option("--timeout", "timeout_seconds", type=float, metavar="SECONDS", help="Of one attempt."),
        click.option("--max-tokens", type=NumberOrNone(whole=True), help="Of one answer, or none."),
        click.option("--top-p", type=NumberOrNone()),
        click.option("--temperature", type=NumberOrNone()),
        click.option("--system-prompt", type=TextOrFile(), help="Text, or @path of a file."),
        click.option("--models", type=Names(), help='Tried in this order; "" = the defaults.'),
    ):
        command = decorator(command)
    return command


@agents.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List agents with the models they use now."""
    with opened() as stores, reading(stores.engine) as connection:
        found = list_agents(connection)
    show(
        as_json,
        found,
        lambda: print_table(
            ("name", "models", "tools", "on outage", "timeout", "max steps"),
            (
                (
                    row["name"],
                    " > ".join(row["chain"]) + ("" if row["models"] else " (defaults)"),
                    row["tools"],
                    row["on_outage"],
                    f"{row['timeout_seconds']:g} s",
                    row["max_steps"],
                )
                for row in found
            ),
            empty="no agents",
        ),
    )


@agents.command("show")
@click.argument("name")
@json_option
def show_(name: str, as_json: bool) -> None:
    """Everything about one agent."""
    with opened() as stores, reading(stores.engine) as connection:
        found = {row["name"]: row for row in list_agents(connection)}
    if name not in found:
        raise UnknownName("agent", name, list(found))
    show(as_json, found[name], lambda: _lines(found[name]))


@agents.command("add")
@click.argument("name")
@_fields
@json_option
def add(name: str, as_json: bool, **options: Any) -> None:
    """Add an agent."""
    fields: AgentFields = given(**options)  # type: ignore[assignment]
    change(as_json, lambda connection: add_agent(connection, name, fields))


@agents.command("edit")
@click.argument("name")
@_fields
@json_option
def edit(name: str, as_json: bool, **options: Any) -> None:
    """Change what is given, leave the rest."""
    fields: AgentFields = given(**options)  # type: ignore[assignment]
    change(as_json, lambda connection: edit_agent(connection, name, fields))


@agents.command("remove")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove an agent; its waiting jobs fail with that reason."""
    change(as_json, lambda connection: remove_agent(connection, name))


def _lines(agent: dict[str, Any]) -> None:
    for field, value in agent.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        if isinstance(value, dict):
            shown = json.dumps(value, ensure_ascii=False)
        print_text(f"{field:<16}{'-' if shown in (None, '') else shown}")
