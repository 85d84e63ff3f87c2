"""Models and the defaults: add, change, remove. Each runs in the caller's transaction."""

from typing import Any, Final, TypedDict

from sqlalchemy import Connection, delete, insert, update

from shared.config.checking import check_label, check_name, check_range
from shared.config.editing_references import refuse_referenced
from shared.config.editing_rows import find_row, require_changes, require_free
from shared.config.environment_sync import DATABASE, ENVIRONMENT
from shared.db.tables import llm_defaults, models
from shared.errors import ConfigurationError

MODEL_TYPES: Final = ("chat", "embedding")
PURPOSES: Final = ("chat", "agents", "embeddings")


class ModelFields(TypedDict, total=False):
    """What a person may set. Prices are US dollars per million tokens; None = the price list's.

    `context_tokens` is what the model reads at most; None = what litellm's list says.
    """

    display_name: str
    type: str
    provider: str
    remote_name: str
    active: bool
    input_usd_per_million: float | None
    output_usd_per_million: float | None
    context_tokens: int | None


def add_model(connection: Connection, model_id: str, fields: ModelFields) -> list[str]:
    """Add a model. Provider and remote name are read from an id like `groq/llama-3.3-70b` when not given.

    Raises:
        ConfigurationError, NameTaken, UnknownName
    """
    check_name("id", model_id)
    require_free(connection, "model", model_id)
    prefix, slash, rest = model_id.partition("/")
    row: dict[str, Any] = {"type": "chat", **_checked(fields)}
    if "provider" not in row:
        if not slash:
            raise ConfigurationError(f"provider: {model_id!r} does not begin with PROVIDER/: say it with --provider")
        row["provider"] = prefix
    find_row(connection, "provider", row["provider"])
    row.setdefault("remote_name", rest if prefix == row["provider"] and rest else model_id)
    row.setdefault("display_name", row["remote_name"])
    connection.execute(insert(models).values(id=model_id, source=DATABASE, **row))
    return [f"model {model_id} added (provider {row['provider']}, there called {row['remote_name']})"]


def edit_model(connection: Connection, model_id: str, fields: ModelFields) -> list[str]:
    """Change fields. Raises UnknownName, ConfigurationError."""
    find_row(connection, "model", model_id)
    require_changes(fields, "model")
    row = _checked(fields)
    if "provider" in row:
        find_row(connection, "provider", row["provider"])
    connection.execute(update(models).where(models.c.id == model_id).values(source=DATABASE, **row))
    return [f"model {model_id} changed: {', '.join(fields)}"]


def remove_model(connection: Connection, model_id: str) -> list[str]:
    """Remove a model.

    Raises:
        UnknownName: there is none.
        ConfigurationError: an agent or a default names it, or the environment's provider brings it along.
    """
    row = find_row(connection, "model", model_id)
    if row["source"] == ENVIRONMENT:
        raise ConfigurationError(
            f"model {model_id!r} came with the environment's keys of {row['provider']}: add the model you want "
            f"instead, and switch this one off with `watchkeeper models edit {model_id} --inactive`"
        )
    refuse_referenced(connection, f"model {model_id!r}", [model_id])
    connection.execute(delete(models).where(models.c.id == model_id))
    return [f"model {model_id} removed"]


def set_default(connection: Connection, purpose: str, model_id: str | None) -> list[str]:
    """Choose the default for `purpose` (chat, agents or embeddings); None clears it.

    Raises:
        UnknownName, ConfigurationError
    """
    if purpose not in PURPOSES:
        raise ConfigurationError(f"purpose: {purpose!r} is not one of: {', '.join(PURPOSES)}")
    if model_id is None:
        connection.execute(delete(llm_defaults).where(llm_defaults.c.purpose == purpose))
        return [f"no default for {purpose} any more"]
    row = find_row(connection, "model", model_id)
    wanted = "embedding" if purpose == "embeddings" else "chat"
    if row["type"] != wanted:
        raise ConfigurationError(
            f"model {model_id!r} is of type {row['type']}: the default for {purpose} is a {wanted} model"
        )
    if not row["active"]:
        raise ConfigurationError(
            f"model {model_id!r} is inactive: `watchkeeper models edit {model_id} --active` first"
        )
    changed = connection.execute(
        update(llm_defaults).where(llm_defaults.c.purpose == purpose).values(model=model_id)
    ).rowcount
    if not changed:
        connection.execute(insert(llm_defaults).values(purpose=purpose, model=model_id))
    return [f"the default for {purpose} is {model_id}"]


def check_chain(connection: Connection, chain: list[str]) -> list[str]:
    """`chain` when every model of it is there and chats, each named once.

    Raises:
        UnknownName, ConfigurationError
    """
    for place, model_id in enumerate(chain):
        row = find_row(connection, "model", model_id)
        if row["type"] != "chat":
            raise ConfigurationError(f"models: {model_id!r} is of type {row['type']}: an agent needs chat models")
        if model_id in chain[:place]:
            raise ConfigurationError(f"models: {model_id!r} stands there twice: each one is tried once")
    return chain


def _checked(fields: ModelFields) -> dict[str, Any]:
    row: dict[str, Any] = dict(fields)
    for field in ("display_name", "remote_name"):
        if field in row:
            row[field] = check_label(field, row[field])
    if row.get("type", "chat") not in MODEL_TYPES:
        raise ConfigurationError(f"type: {row['type']!r} is not one of: {', '.join(MODEL_TYPES)}")
    for field in ("input_usd_per_million", "output_usd_per_million"):
        if field in row:
            check_range(field, row[field], 0, 100_000)
    if "context_tokens" in row:
        check_range("context_tokens", row["context_tokens"], 256, 100_000_000)
    return row
