"""`watchkeeper models`: what is served, and the defaults."""

from typing import Any

import click

from console.cli.changing import change, force_option, given
from console.cli.opening import opened
from console.cli.output import json_option, print_table, show
from console.cli.values import NumberOrNone
from console.configuration import list_models, read_defaults
from shared.config.editing_chains import use_model
from shared.config.editing_models import (
    MODEL_TYPES,
    PURPOSES,
    ModelFields,
    add_model,
    edit_model,
    remove_model,
    set_default,
)
from shared.db.reading import reading


@click.group()
def models() -> None:
    """What is served, and the defaults."""


def _fields(command: Any) -> Any:
    price = 'US dollars per million tokens; "none" = litellm\'s price list.'
    for decorator in (
        click.option("--output-price", "output_usd_per_million", type=NumberOrNone(), help=price),
        click.option("--input-price", "input_usd_per_million", type=NumberOrNone(), help=price),
        click.option(
            "--context-tokens",
            type=NumberOrNone(whole=True),
            help='What it reads at most; "none" = what litellm\'s list says.',
        ),
        click.option("--active/--inactive", default=True, help="Inactive ones are passed over."),
        click.option("--type", type=click.Choice(MODEL_TYPES)),
        click.option("--display-name"),
        click.option("--remote-name", help="The provider's name of it."),
        click.option("--provider"),
    ):
        command = decorator(command)
    return command


@models.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List models."""
    with opened() as stores, reading(stores.engine) as connection:
        found = list_models(connection)
    show(
        as_json,
        found,
        lambda: print_table(
            (
                "id",
                "provider",
                "remote name",
                "type",
                "active",
                "$/M in",
                "$/M out",
                "context",
                "default for",
                "source",
            ),
            (
                (
                    row["id"],
                    row["provider"],
                    row["remote_name"],
                    row["type"],
                    row["active"],
                    row["input_usd_per_million"],
                    row["output_usd_per_million"],
                    row["context_tokens"],
                    row["default_for"],
                    row["source"],
                )
                for row in found
            ),
            empty="no models yet: a key of a known provider brings one along",
        ),
    )


@models.command("add")
@click.argument("model_id", metavar="ID")
@_fields
@json_option
def add(model_id: str, as_json: bool, **options: Any) -> None:
    """Add a model; ID like groq/llama-3.3-70b-versatile tells provider and remote name."""
    fields: ModelFields = given(**options)  # type: ignore[assignment]
    change(as_json, lambda connection: add_model(connection, model_id, fields))


@models.command("edit")
@click.argument("model_id", metavar="ID")
@_fields
@force_option
@json_option
def edit(model_id: str, as_json: bool, **options: Any) -> None:
    """Change what is given, leave the rest."""
    fields: ModelFields = given(**options)  # type: ignore[assignment]
    change(as_json, lambda connection: edit_model(connection, model_id, fields))


@models.command("remove")
@click.argument("model_id", metavar="ID")
@force_option
@json_option
def remove(model_id: str, as_json: bool) -> None:
    """Remove a model that nobody refers to."""
    change(as_json, lambda connection: remove_model(connection, model_id))


@models.command("use")
@click.argument("model_id", metavar="ID")
@click.option("--all-agents", is_flag=True, help="For every agent.")
@click.option("--agent", "names", multiple=True, help="For this agent; repeatable.")
@click.option("--only", is_flag=True, help="Nothing else behind it: when it fails, the job waits or fails.")
@json_option
def use(model_id: str, all_agents: bool, names: tuple[str, ...], only: bool, as_json: bool) -> None:
    """Put a model first in the chains of agents; `watchkeeper config rollback` takes it back.

    A model of a local server, such as ollama/llama3.2, needs nothing else: provider and model are added.
    """
    if all_agents == bool(names):
        raise click.UsageError("say --all-agents, or --agent NAME")
    chosen = None if all_agents else list(names)
    change(as_json, lambda connection: use_model(connection, model_id, chosen, only=only))


@models.command("default")
@click.argument("model_id", metavar="[ID]", required=False)
@click.option("--for", "purpose", type=click.Choice(PURPOSES), default="agents", show_default=True)
@click.option("--clear", is_flag=True, help="No default: the first model of the first provider with a key.")
@json_option
def default(model_id: str | None, purpose: str, clear: bool, as_json: bool) -> None:
    """Show the defaults, or choose one."""
    if clear and model_id is not None:
        raise click.UsageError("--clear and a model: give one of them")
    if clear or model_id is not None:
        change(as_json, lambda connection: set_default(connection, purpose, model_id))
        return
    with opened() as stores, reading(stores.engine) as connection:
        found = read_defaults(connection)
    show(
        as_json,
        found,
        lambda: print_table(
            ("purpose", "model"), found.items(), empty="no defaults: the first provider with a key serves"
        ),
    )
