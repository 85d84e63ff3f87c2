"""`watchkeeper providers`: who serves models."""

from typing import Any

import click

from console.cli.changing import change, force_option, given
from console.cli.opening import opened
from console.cli.output import json_option, print_table, show
from console.cli.secrets import refuse_credential
from console.configuration import list_providers
from shared.config.catalogue import KNOWN_PROVIDERS
from shared.config.editing_providers import ProviderFields, add_provider, edit_provider, remove_provider
from shared.db.reading import reading


@click.group()
def providers() -> None:
    """Who serves models."""


def _fields(command: Any) -> Any:
    for decorator in (
        click.option("--status-page-url", metavar="URL"),
        click.option("--key-page-url", metavar="URL", help="Where people make keys."),
        click.option("--priority", type=int, help="Lower is tried first."),
        click.option("--active/--inactive", default=True, help="Inactive ones are not used."),
        click.option("--auth", type=click.Choice(["key", "none"]), help="none: it wants no credential."),
        click.option("--api-base", metavar="URL", help='Where it is; "" = where litellm knows it.'),
        click.option("--kind", help="litellm's name of its wire format, e.g. openai."),
    ):
        command = decorator(command)
    return command


@providers.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List providers in the order they are tried."""
    with opened() as stores, reading(stores.engine) as connection:
        found = list_providers(connection)
    show(
        as_json,
        found,
        lambda: print_table(
            ("name", "kind", "base", "active", "priority", "keys", "models", "source"),
            (
                (
                    row["name"],
                    row["kind"],
                    row["api_base"],
                    row["active"],
                    row["priority"],
                    "none needed" if row["auth"] == "none" else f"{row['active_keys']} of {row['keys']} active",
                    row["models"],
                    row["source"],
                )
                for row in found
            ),
            empty="no providers yet: `watchkeeper keys add groq`, or put GROQ_API_KEY=... into .env",
        ),
    )


@providers.command("add")
@click.argument("name", callback=refuse_credential)
@_fields
@json_option
def add(name: str, as_json: bool, **options: Any) -> None:
    """Add a provider. A known name (groq, openai, anthropic, ...) fills in the rest."""
    fields = _given(options)
    known = KNOWN_PROVIDERS.get(name)
    if known is not None and known.api_base is not None:
        fields.setdefault("api_base", known.api_base)
    change(as_json, lambda connection: add_provider(connection, name, fields))


@providers.command("edit")
@click.argument("name", callback=refuse_credential)
@_fields
@force_option
@json_option
def edit(name: str, as_json: bool, **options: Any) -> None:
    """Change what is given, leave the rest."""
    fields = _given(options)
    change(as_json, lambda connection: edit_provider(connection, name, fields))


@providers.command("remove")
@click.argument("name", callback=refuse_credential)
@force_option
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove a provider with its keys and models."""
    change(as_json, lambda connection: remove_provider(connection, name))


def _given(options: dict[str, Any]) -> ProviderFields:
    fields: ProviderFields = given(**options)  # type: ignore[assignment]
    for name in ("api_base", "key_page_url", "status_page_url"):
        if fields.get(name) == "":
            fields[name] = None
    return fields
