"""Providers: add, change, remove. Each runs in the caller's transaction; nothing is stored when it raises."""

from typing import Any, Final, TypedDict

from sqlalchemy import Connection, delete, func, insert, select, update

from shared.config.catalogue import KNOWN_PROVIDERS, SANDBOX
from shared.config.checking import check_api_base, check_name, check_range
from shared.config.editing_references import refuse_referenced
from shared.config.editing_rows import find_row, has_row, require_changes, require_free, variables_of
from shared.config.environment_sync import DATABASE, ENVIRONMENT
from shared.db.tables import models, provider_keys, providers
from shared.errors import ConfigurationError

_AUTHS: Final = ("key", "none")


class ProviderFields(TypedDict, total=False):
    """What a person may set; what is left out keeps its value, or takes the catalogue's when it is added."""

    kind: str
    api_base: str | None
    auth: str
    active: bool
    priority: int
    key_page_url: str | None
    status_page_url: str | None


def add_provider(connection: Connection, name: str, fields: ProviderFields) -> list[str]:
    """Add a provider and, when it is a known one, its usual model. Returns what was done, in words.

    Raises:
        ConfigurationError: a field is wrong, or `kind` is missing for a name the catalogue does not know.
        NameTaken: it exists.
    """
    check_name("name", name)
    require_free(connection, "provider", name)
    known = KNOWN_PROVIDERS.get(name)
    row: dict[str, Any] = {"auth": "key", "priority": 100}
    if known is not None:
        row |= {
            "kind": known.kind,
            "auth": known.auth,
            "priority": known.priority,
            "key_page_url": known.key_page_url,
            "status_page_url": known.status_page_url,
        }
    row |= _checked(fields)
    if "kind" not in row:
        raise ConfigurationError(
            f"kind: {name!r} is not a provider we know ({', '.join(sorted(KNOWN_PROVIDERS))}): "
            "say which wire format it speaks, e.g. --kind openai --api-base https://llm.example.com/v1"
        )
    connection.execute(insert(providers).values(name=name, source=DATABASE, **row))
    done = [f"provider {name} added"]
    done += _add_usual_model(connection, name)
    return done + retire_sandbox(connection, besides=name)


def edit_provider(connection: Connection, name: str, fields: ProviderFields) -> list[str]:
    """Change fields. A provider that came from the environment belongs to the database from then on.

    Raises:
        UnknownName, ConfigurationError
    """
    row = find_row(connection, "provider", name)
    require_changes(fields, "provider")
    connection.execute(update(providers).where(providers.c.name == name).values(source=DATABASE, **_checked(fields)))
    done = [f"provider {name} changed: {', '.join(fields)}"]
    if row["source"] == ENVIRONMENT:
        done.append(f"provider {name} came from the environment; from now on the database's fields count")
    return done


def remove_provider(connection: Connection, name: str) -> list[str]:
    """Remove a provider with its keys and models.

    Raises:
        UnknownName: there is none.
        ConfigurationError: the environment gives it, or agents or defaults use one of its models.
    """
    row = find_row(connection, "provider", name)
    variables = variables_of(connection, name)
    if row["source"] == ENVIRONMENT or variables:
        where = ", ".join(variables) or f"{name.upper()}_API_BASE"
        raise ConfigurationError(
            f"provider {name!r} is given by the environment of the scheduler: remove {where} there (or in .env), "
            f"or switch it off with `watchkeeper providers edit {name} --inactive`"
        )
    owned = list(connection.execute(select(models.c.id).where(models.c.provider == name)).scalars())
    refuse_referenced(connection, f"provider {name!r}", owned)
    keys = connection.execute(
        select(func.count()).select_from(provider_keys).where(provider_keys.c.provider == name)
    ).scalar_one()
    connection.execute(delete(providers).where(providers.c.name == name))
    return [f"provider {name} removed, with {keys} keys and {len(owned)} models"]


def ensure_provider(connection: Connection, name: str) -> list[str]:
    """See to it that the provider is there: a known name is added. Returns what was done.

    Raises:
        UnknownName: it is neither there nor known.
    """
    if not has_row(connection, "provider", name) and name in KNOWN_PROVIDERS:
        return add_provider(connection, name, {})
    find_row(connection, "provider", name)
    return _add_usual_model(connection, name) + retire_sandbox(connection, besides=name)


def retire_sandbox(connection: Connection, *, besides: str) -> list[str]:
    """Drop the environment's sandbox once a real provider is there: an outage must not end in made-up answers."""
    if besides == SANDBOX:
        return []
    gone = connection.execute(
        delete(providers).where(providers.c.name == SANDBOX, providers.c.source == ENVIRONMENT)
    ).rowcount
    return ["the sandbox provider is out of use: its answers were made up"] if gone else []


def _add_usual_model(connection: Connection, name: str) -> list[str]:
    known = KNOWN_PROVIDERS.get(name)
    if known is None or known.usual_model is None:
        return []
    if connection.execute(select(models.c.id).where(models.c.provider == name).limit(1)).first() is not None:
        return []
    model = f"{name}/{known.usual_model}"
    if has_row(connection, "model", model):
        return []
    connection.execute(
        insert(models).values(
            id=model,
            display_name=known.usual_model,
            type="chat",
            provider=name,
            remote_name=known.usual_model,
            source=DATABASE,
        )
    )
    return [f"model {model} added (the usual one of {name})"]


def _checked(fields: ProviderFields) -> dict[str, Any]:
    row: dict[str, Any] = dict(fields)
    if "kind" in row:
        check_name("kind", row["kind"])
    if row.get("auth", "key") not in _AUTHS:
        raise ConfigurationError(f"auth: {row['auth']!r} is not one of: {', '.join(_AUTHS)}")
    if "priority" in row:
        check_range("priority", row["priority"], 0, 1_000_000)
    for field in ("api_base", "key_page_url", "status_page_url"):
        if row.get(field) is not None:
            row[field] = check_api_base(field, row[field])
    return row
