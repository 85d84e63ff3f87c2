"""Agents: add, change, remove. Each runs in the caller's transaction."""

import json
from typing import Any, Final, TypedDict

from sqlalchemy import Connection, delete, func, insert, select, update

from shared.config.catalogue import BUILT_IN_TOOLS
from shared.config.checking import check_name, check_range
from shared.config.editing_models import check_chain
from shared.config.editing_rows import find_row, require_changes, require_free
from shared.config.output_schema import check_output_schema
from shared.db.tables import agents, jobs, models, provider_keys, providers
from shared.errors import ConfigurationError
from watchkeeper.json_text import lone_surrogate
from watchkeeper.states import UNFINISHED

DEFAULT_AGENT: Final = "default"
_OUTAGES: Final = ("wait", "fail")
_LONGEST_PROMPT: Final = 1_000_000

_RANGES: Final[dict[str, tuple[float, float]]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_tokens": (1, 10_000_000),
    "timeout_seconds": (1, 3600),
    "max_steps": (1, 1000),
}


class AgentFields(TypedDict, total=False):
    """What a person may set. `models` empty = the defaults; `timeout_seconds` is that of one attempt.

    `output_schema` is the JSON schema that answers keep to; None = any text.
    """

    system_prompt: str
    models: list[str]
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    timeout_seconds: float
    tools: list[str]
    max_steps: int
    on_outage: str
    output_schema: dict[str, Any] | None


def add_agent(connection: Connection, name: str, fields: AgentFields) -> list[str]:
    """Add an agent. Raises ConfigurationError, NameTaken, UnknownName."""
    check_name("name", name)
    require_free(connection, "agent", name)
    connection.execute(insert(agents).values(name=name, **_checked(connection, fields)))
    return [f"agent {name} added", *_unserved(connection, fields.get("models", [])), *_brought(fields)]


def edit_agent(connection: Connection, name: str, fields: AgentFields) -> list[str]:
    """Change fields; running jobs use them from their next call on. Raises ConfigurationError, UnknownName."""
    find_row(connection, "agent", name)
    require_changes(fields, "agent")
    connection.execute(update(agents).where(agents.c.name == name).values(**_checked(connection, fields)))
    unserved = _unserved(connection, fields.get("models", []))
    return [f"agent {name} changed: {', '.join(fields)}", *unserved, *_brought(fields)]


def remove_agent(connection: Connection, name: str) -> list[str]:
    """Remove an agent. Raises UnknownName, and ConfigurationError for `default`."""
    find_row(connection, "agent", name)
    if name == DEFAULT_AGENT:
        raise ConfigurationError("agent 'default' always exists: change it with `watchkeeper agents edit default`")
    connection.execute(delete(agents).where(agents.c.name == name))
    left = connection.execute(
        select(func.count()).select_from(jobs).where(jobs.c.agent == name, jobs.c.state.in_(UNFINISHED))
    ).scalar_one()
    return [f"agent {name} removed"] + (
        [f"{left} of its jobs have not ended: they fail with that reason"] if left else []
    )


def _checked(connection: Connection, fields: AgentFields) -> dict[str, Any]:
    row: dict[str, Any] = dict(fields)
    for field, (low, high) in _RANGES.items():
        if field in row:
            check_range(field, row[field], low, high)
    if row.get("on_outage", "wait") not in _OUTAGES:
        raise ConfigurationError(f"on_outage: {row['on_outage']!r} is not one of: {', '.join(_OUTAGES)}")
    if "system_prompt" in row:
        _check_prompt(row["system_prompt"])
    if "tools" in row:
        row["tools"] = json.dumps(list(dict.fromkeys(row["tools"])))
    if row.get("output_schema") is not None:
        row["output_schema"] = json.dumps(check_output_schema("output_schema", row["output_schema"]))
    if "models" in row:
        row["models"] = json.dumps(check_chain(connection, row["models"]))
    return row


def _brought(fields: AgentFields) -> list[str]:
    """Tools that only some workers may have: what they load is known to them alone."""
    return [
        f"tool {tool!r} is not built in: a worker that does not load it goes on without it (`watchkeeper tools ls`)"
        for tool in fields.get("tools", [])
        if tool not in BUILT_IN_TOOLS
    ]


def _check_prompt(text: str) -> None:
    if len(text) > _LONGEST_PROMPT:
        raise ConfigurationError(f"system_prompt: longer than {_LONGEST_PROMPT} characters")
    if "\0" in text or lone_surrogate(text) is not None:
        raise ConfigurationError("system_prompt: holds a NUL or bytes that are not UTF-8: give plain text")


def _unserved(connection: Connection, chain: list[str]) -> list[str]:
    """Models of the chain that nobody can serve yet: no error, the key may come next."""
    keyed = select(provider_keys.c.provider).where(provider_keys.c.active)
    served = set(
        connection.execute(
            select(models.c.id)
            .join(providers, providers.c.name == models.c.provider)
            .where(models.c.active, providers.c.active, (providers.c.auth == "none") | providers.c.name.in_(keyed))
        ).scalars()
    )
    return [
        f"note: {model_id} is passed over for now: its provider has no active key, or one of them is switched off"
        for model_id in chain
        if model_id not in served
    ]
