"""`watchkeeper keys`: credentials, known by label. A secret comes by prompt, stdin or variable, never as argument."""

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import Connection

from console.cli.changing import apply_in, change, force_option, tell_applied
from console.cli.opening import opened
from console.cli.output import json_option, print_json, print_table, say, show
from console.cli.secrets import read_secret, refuse_credential, secret_options
from console.keys import as_data, list_keys, release, view_fleet
from shared.config.checking import check_secret
from shared.config.editing_keys import add_key, edit_key, remove_key, rotate_key, set_key_active
from shared.config.editing_rows import find_row
from shared.config.environment_sync import Sealer
from shared.db.reading import reading
from shared.jobs.due import make_due
from shared.redis.connect import redis_problems

_label = click.argument("label", callback=refuse_credential)


@click.group()
def keys() -> None:
    """Credentials, known by label. The secret itself is never an argument and never shown."""


@keys.command("ls")
@click.option("--provider", help="Only keys of this provider.")
@json_option
def ls(provider: str | None, as_json: bool) -> None:
    """List keys in the order they are tried, with their state."""
    with opened() as stores:
        view = view_fleet(stores.redis)
        with reading(stores.engine) as connection:
            found = [key for key in list_keys(connection, view) if provider in (None, key.provider)]
    show(
        as_json,
        as_data(found),
        lambda: print_table(
            ("label", "provider", "key", "source", "priority", "state"),
            ((key.label, key.provider, key.mask, key.source, key.priority, key.words) for key in found),
            empty="no keys yet: `watchkeeper keys add groq`, or put GROQ_API_KEY=... into .env",
        ),
    )


@keys.command("add")
@click.argument("provider", callback=refuse_credential)
@click.option("--label", callback=refuse_credential, help='What people call it; default "Groq key 1".')
@click.option("--priority", type=int, help="Lower is tried first; default 100.")
@secret_options
@json_option
def add(provider: str, label: str | None, priority: int | None, as_json: bool, **secret: Any) -> None:
    """Add a key of PROVIDER. You are asked for it, hidden; or use --stdin or --from-env."""
    _with_secret(
        f"Key of {provider}",
        secret,
        as_json,
        lambda connection, sealer, text: add_key(connection, sealer, provider, text, label=label, priority=priority),
    )


@keys.command("rotate")
@_label
@secret_options
@json_option
def rotate(label: str, as_json: bool, **secret: Any) -> None:
    """Replace the secret behind LABEL. A quarantine is over by that: the new secret is a new key."""
    _with_secret(
        f"New key for {label!r}",
        secret,
        as_json,
        lambda connection, sealer, text: rotate_key(connection, sealer, label, text),
    )


@keys.command("edit")
@_label
@click.option("--label", "new_label", callback=refuse_credential, help="The new label.")
@click.option("--priority", type=int, help="Lower is tried first.")
@json_option
def edit(label: str, new_label: str | None, priority: int | None, as_json: bool) -> None:
    """Change label or priority."""
    change(as_json, lambda connection: edit_key(connection, label, new_label=new_label, priority=priority))


@keys.command("remove")
@_label
@force_option
@json_option
def remove(label: str, as_json: bool) -> None:
    """Remove a key."""
    change(as_json, lambda connection: remove_key(connection, label))


@keys.command("disable")
@_label
@force_option
@json_option
def disable(label: str, as_json: bool) -> None:
    """Take a key out of use until somebody enables it."""
    change(as_json, lambda connection: set_key_active(connection, label, active=False))


@keys.command("enable")
@_label
@json_option
def enable(label: str, as_json: bool) -> None:
    """Put a disabled key into use again."""
    change(as_json, lambda connection: set_key_active(connection, label, active=True))


@keys.command("release")
@_label
@json_option
def release_(label: str, as_json: bool) -> None:
    """Let a key that is set aside be tried again now; jobs that wait for keys are looked at, too."""
    with opened() as stores:
        with reading(stores.engine) as connection:
            fingerprint = find_row(connection, "key", label)["fingerprint"]
        with redis_problems(stores.settings.locations.redis_url):
            released = release(stores.redis, fingerprint)
        with stores.engine.begin() as connection:
            due = make_due(connection) if released else 0
    if as_json:
        print_json({"label": label, "released": released, "jobs_due": due})
    elif released:
        say(f"key {label!r} is back in use; if it is still refused, it is set aside again")
    else:
        say(f"key {label!r} was not set aside")


@keys.command("test")
@click.argument("label", required=False, callback=refuse_credential)
@click.option("--all", "every", is_flag=True, help="Every active key.")
@click.option("--timeout", "timeout_seconds", type=click.FloatRange(0.1, 300), default=10.0, show_default=True)
@click.option("--release", "lift", is_flag=True, help="Let a key that passes be used again at once.")
@json_option
def test(label: str | None, every: bool, timeout_seconds: float, lift: bool, as_json: bool) -> int:
    """Ask the provider once whether it accepts the key. Costs nothing; proves the key, not the balance.

    Ends with 0 when all pass, 1 when one fails, 4 when none fails but one could not be tested.
    """
    from console.cli.keys_testing import test_keys

    if (label is None) != every:
        raise click.UsageError("give a label, or --all")
    return test_keys(label, timeout_seconds=timeout_seconds, lift=lift, as_json=as_json)


def _with_secret(
    prompt: str, secret: dict[str, Any], as_json: bool, edit: Callable[[Connection, Sealer, str], list[str]]
) -> None:
    with opened(create=True) as stores:
        sealer = stores.sealer()  # a wrong master key is told before anybody types a secret
        text = read_secret(prompt, stores.settings.environ, **secret)
        check_secret("key", text)
        tell_applied(as_json, apply_in(stores, lambda connection: edit(connection, sealer, text)))
