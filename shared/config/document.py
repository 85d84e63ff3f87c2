"""The configuration as people write it: sections of named entries, a field left out has its usual value.

Secrets are no part of it: a key stands there by its label, and may say `from_env: NAME` to load its secret.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select

from shared.config.catalogue import KNOWN_PROVIDERS
from shared.config.environment_sync import ENVIRONMENT
from shared.config.snapshot import Snapshot
from shared.db.tables import agents, llm_defaults, models, provider_keys, providers

Sections = dict[str, dict[str, Any]]
"""providers, keys, models, agents: name -> fields; defaults: purpose -> model."""

PROVIDERS, KEYS, MODELS, DEFAULTS, AGENTS = "providers", "keys", "models", "defaults", "agents"
SECTIONS: Final = (PROVIDERS, KEYS, MODELS, DEFAULTS, AGENTS)

_FIELDS: Final = {
    PROVIDERS: ("kind", "api_base", "auth", "active", "priority", "key_page_url", "status_page_url"),
    KEYS: ("provider", "priority", "active"),
    MODELS: (
        "provider", "remote_name", "display_name", "type", "active", "input_usd_per_million",
        "output_usd_per_million", "context_tokens",
    ),
    AGENTS: (
        "system_prompt", "models", "temperature", "top_p", "max_tokens", "timeout_seconds", "tools", "max_steps",
        "on_outage", "output_schema",
    ),
}  # fmt: skip


@dataclass(slots=True)
class Document:
    """What a file says. A section that is there is complete, one that is not is left alone.

    `generation` is what it was made from; `lines` tells where each path (`agents.default`) stands.
    """

    sections: Sections
    generation: int | None = None
    lines: dict[str, int] = field(default_factory=dict)


def usual(section: str, name: str) -> dict[str, Any]:
    """The values of fields that an entry leaves out; the catalogue knows some providers."""
    if section == PROVIDERS:
        known = KNOWN_PROVIDERS.get(name)
        return {
            "api_base": None,
            "active": True,
            "auth": known.auth if known else "key",
            "priority": known.priority if known else 100,
            "key_page_url": known.key_page_url if known else None,
            "status_page_url": known.status_page_url if known else None,
            **({"kind": known.kind} if known else {}),
        }
    if section == KEYS:
        return {"priority": 100, "active": True}
    if section == MODELS:
        return {
            "type": "chat", "active": True, "input_usd_per_million": None, "output_usd_per_million": None,
            "context_tokens": None,
        }  # fmt: skip
    return {
        "system_prompt": "", "models": [], "temperature": None, "top_p": None, "max_tokens": None,
        "timeout_seconds": 120.0, "tools": [], "max_steps": 20, "on_outage": "wait",
        "output_schema": None,
    }  # fmt: skip


def complete(section: str, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` with the usual value of each one that is left out."""
    whole = {**usual(section, name), **fields}
    if section == MODELS:
        prefix, slash, rest = name.partition("/")
        whole.setdefault("provider", prefix if slash else "")
        whole.setdefault("remote_name", rest if slash and whole["provider"] == prefix else name)
        whole.setdefault("display_name", whole["remote_name"])
    return whole


def current_document(connection: Connection) -> Sections:
    """What people configured. What the scheduler found in its environment is no part of it."""

    def named(table: Any, name: str, section: str) -> dict[str, Any]:
        rows = connection.execute(select(table).order_by(table.c[name])).mappings()
        return {
            row[name]: _brief(section, row[name], lambda field, row=row: stored_value(row, field))  # type: ignore[misc]
            for row in rows
            if row.get("source") != ENVIRONMENT
        }

    return {
        PROVIDERS: named(providers, "name", PROVIDERS),
        KEYS: named(provider_keys, "label", KEYS),
        MODELS: named(models, "id", MODELS),
        DEFAULTS: dict(
            connection.execute(
                select(llm_defaults.c.purpose, llm_defaults.c.model).order_by(llm_defaults.c.purpose)
            ).all()
        ),
        AGENTS: named(agents, "name", AGENTS),
    }


def from_environment(connection: Connection) -> list[str]:
    """What the tables hold besides: given by the scheduler's environment."""
    return [
        f"{kind} {name}"
        for kind, table, column in (
            ("provider", providers, providers.c.name),
            ("key", provider_keys, provider_keys.c.label),
            ("model", models, models.c.id),
        )
        for name in connection.execute(select(column).where(table.c.source == ENVIRONMENT).order_by(column)).scalars()
    ]


def snapshot_document(snapshot: Snapshot) -> Sections:
    """A snapshot in the same form, the environment's share included; keys tell their mask, to be compared."""
    found: Sections = {
        PROVIDERS: {provider.name: asdict(provider) for provider in snapshot.providers.values()},
        KEYS: {key.label: asdict(key) for key in snapshot.keys},
        MODELS: {model.id: asdict(model) for model in snapshot.models.values()},
        AGENTS: {agent.name: asdict(agent) for agent in snapshot.agents.values()},
    }
    for agent in found[AGENTS].values():
        agent["models"] = [] if agent["on_defaults"] else list(agent["models"])
        agent["tools"] = list(agent["tools"])
        agent["output_schema"] = json.loads(agent["output_schema"] or "null")
    brief: Sections = {
        section: {name: _brief(section, name, fields.get) for name, fields in entries.items()}
        for section, entries in found.items()
    }
    for key in snapshot.keys:
        brief[KEYS][key.label]["key"] = f"{key.mask} ({key.fingerprint[:8]})"
    return {**brief, DEFAULTS: dict(snapshot.defaults)}


def difference(before: Sections, after: Sections) -> list[str]:
    """One line per entry or field: `+` is new, `-` is gone."""
    lines: list[str] = []
    for section in SECTIONS:
        if section not in after:
            continue
        old, new = before.get(section, {}), after[section]
        for name in sorted({*old, *new}):
            path = f"{section}.{name}"
            if name not in old:
                lines.append(f"+ {path}: {_shown(new[name])}")
            elif name not in new:
                lines.append(f"- {path}")
            else:
                lines += _changed(section, name, path, old[name], new[name])
    return lines


def _changed(section: str, name: str, path: str, old: Any, new: Any) -> list[str]:
    if section == DEFAULTS:
        return [] if old == new else [f"  {path}: {old} -> {new}"]
    was, is_ = complete(section, name, old), complete(section, name, new)
    return [
        f"  {path}.{field}: {_shown(was.get(field))} -> {_shown(is_.get(field))}"
        for field in sorted({*was, *is_})
        if was.get(field) != is_.get(field)
    ]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def _brief(section: str, name: str, value: Callable[[str], Any]) -> dict[str, Any]:
    """Only what is not as usual; a snapshot knows neither `active` nor `display_name`."""
    given = {field: value(field) for field in _FIELDS[section]}
    implied = usual(section, name)
    if section == MODELS:
        implied["provider"] = complete(section, name, {})["provider"]
        implied["remote_name"] = complete(section, name, {"provider": given["provider"]})["remote_name"]
        implied["display_name"] = given["remote_name"]
    return {
        field: found
        for field, found in given.items()
        if (field not in implied or implied[field] != found)
        and not (found is None and field in ("active", "display_name"))
    }


def stored_value(row: RowMapping, field: str) -> Any:
    """A column as a document says it."""
    return json.loads(row[field] or "null") if field in ("models", "tools", "output_schema") else row[field]
