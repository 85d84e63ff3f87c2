"""The configured providers, models, agents and snapshots, for people: never a secret, not even a sealed one."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, select

from shared.config.compiling import compile_snapshot
from shared.config.document import current_document, from_environment
from shared.config.publishing import load_newest, newest_generation
from shared.config.snapshot import Snapshot
from shared.db.tables import agents, llm_defaults, models, provider_keys, providers, snapshots


def list_providers(connection: Connection) -> list[dict[str, Any]]:
    """Providers in the order they are tried, with how many keys (active of all) and models they have."""
    keys = _count(connection, provider_keys, None)
    active = _count(connection, provider_keys, provider_keys.c.active)
    owned = _count(connection, models, None)
    rows = connection.execute(select(providers).order_by(providers.c.priority, providers.c.name)).mappings()
    return [
        {
            **row,
            "keys": keys.get(row["name"], 0),
            "active_keys": active.get(row["name"], 0),
            "models": owned.get(row["name"], 0),
        }
        for row in rows
    ]


def list_models(connection: Connection) -> list[dict[str, Any]]:
    """Models by id, with the purposes they are the default for."""
    chosen = read_defaults(connection)
    rows = connection.execute(select(models).order_by(models.c.id)).mappings()
    return [
        {**row, "default_for": [purpose for purpose, model in chosen.items() if model == row["id"]]} for row in rows
    ]


def read_defaults(connection: Connection) -> dict[str, str]:
    """The default model per purpose."""
    return dict(connection.execute(select(llm_defaults.c.purpose, llm_defaults.c.model)).all())


def list_agents(connection: Connection) -> list[dict[str, Any]]:
    """Agents by name: `models` as set (empty = the defaults), `chain` as it resolves now."""
    now = compile_snapshot(connection, 0)
    rows = connection.execute(select(agents).order_by(agents.c.name)).mappings()
    return [
        {
            **row,
            "models": json.loads(row["models"]),
            "tools": json.loads(row["tools"]),
            "output_schema": json.loads(row["output_schema"] or "null"),
            "chain": list(now.agents[row["name"]].models),
        }
        for row in rows
    ]


def newest_snapshot(connection: Connection) -> dict[str, Any]:
    """What the workers run on; secrets are left out."""
    return describe_snapshot(load_newest(connection))


def describe_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as plain values, without the sealed secrets."""
    keys = [asdict(key) for key in snapshot.keys]
    for key in keys:
        del key["sealed"]
    return {
        "generation": snapshot.generation,
        "providers": [asdict(provider) for provider in snapshot.providers.values()],
        "keys": keys,
        "models": [asdict(model) for model in snapshot.models.values()],
        "agents": [
            {**asdict(agent), "output_schema": json.loads(agent.output_schema or "null")}
            for agent in snapshot.agents.values()
        ],
    }


def write_yaml(connection: Connection) -> str:
    """What people configured, as `config apply` reads it; the environment's share stands in a comment."""
    import yaml  # only here: it would slow every other command down

    shown = {"generation": newest_generation(connection), **current_document(connection)}
    beside = from_environment(connection)
    comment = f"# From the scheduler's environment, no part of this file: {', '.join(beside)}\n" if beside else ""
    return comment + yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110).rstrip("\n")


def list_snapshots(connection: Connection, *, limit: int) -> list[dict[str, Any]]:
    """Published generations, the newest first."""
    return [
        dict(row)
        for row in connection.execute(
            select(
                snapshots.c.generation,
                snapshots.c.author,
                snapshots.c.comment,
                snapshots.c.published_at,
                snapshots.c.digest,
            )
            .order_by(snapshots.c.generation.desc())
            .limit(limit)
        ).mappings()
    ]


def _count(connection: Connection, table: Any, condition: Any) -> dict[str, int]:
    query = select(table.c.provider, func.count()).group_by(table.c.provider)
    if condition is not None:
        query = query.where(condition)
    return dict(connection.execute(query).all())
