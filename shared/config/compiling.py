"""Reads the tables into a snapshot: only what is active, chains resolved, order decided."""

import json
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from shared.config.snapshot import Agent, Key, Model, Provider, Snapshot
from shared.db.tables import agents, llm_defaults, models, provider_keys, providers


def compile_snapshot(connection: Connection, generation: int) -> Snapshot:
    """The snapshot the tables describe now, under `generation`."""
    active_providers = {
        row["name"]: _provider(row)
        for row in connection.execute(
            select(providers).where(providers.c.active).order_by(providers.c.priority, providers.c.name)
        ).mappings()
    }
    keys = tuple(
        _key(row)
        for row in connection.execute(
            select(provider_keys)
            .where(provider_keys.c.active)
            .order_by(provider_keys.c.provider, provider_keys.c.priority, provider_keys.c.id)
        ).mappings()
        if row["provider"] in active_providers
    )
    active_models = {
        row["id"]: _model(row)
        for row in connection.execute(select(models).where(models.c.active).order_by(models.c.id)).mappings()
        if row["provider"] in active_providers
    }
    chosen = dict(connection.execute(select(llm_defaults.c.purpose, llm_defaults.c.model)).all())
    defaults = {purpose: model for purpose, model in sorted(chosen.items()) if model in active_models}
    chain = _default_chain(defaults, active_providers, active_models, keys)
    found_agents = {
        row["name"]: _agent(row, chain, active_models)
        for row in connection.execute(select(agents).order_by(agents.c.name)).mappings()
    }
    return Snapshot(generation, active_providers, keys, active_models, found_agents, defaults)


def _default_chain(
    chosen: dict[str, str], active: dict[str, Provider], usable: dict[str, Model], keys: tuple[Key, ...]
) -> tuple[str, ...]:
    """The chain of an agent that names no models: the chosen default first, then what has credentials."""
    first = [chosen[purpose] for purpose in ("agents", "chat") if purpose in chosen]
    served = {key.provider for key in keys} | {p.name for p in active.values() if p.auth == "none"}
    by_provider = sorted(
        (model for model in usable.values() if model.type == "chat" and model.provider in served),
        key=lambda model: (active[model.provider].priority, model.provider, model.id),
    )
    return tuple(dict.fromkeys([*first, *(model.id for model in by_provider)]))


def _provider(row: RowMapping) -> Provider:
    return Provider(**{name: row[name] for name in Provider.__dataclass_fields__})


def _key(row: RowMapping) -> Key:
    return Key(**{name: row[name] for name in Key.__dataclass_fields__})


def _model(row: RowMapping) -> Model:
    return Model(**{name: row[name] for name in Model.__dataclass_fields__})


def _agent(row: RowMapping, default_chain: tuple[str, ...], usable: dict[str, Model]) -> Agent:
    fields: dict[str, Any] = {name: row[name] for name in Agent.__dataclass_fields__ if name in row}
    named = tuple(json.loads(row["models"]))
    fields["on_defaults"] = not named
    fields["models"] = tuple(model for model in named if model in usable) if named else default_chain
    fields["tools"] = tuple(json.loads(row["tools"]))
    return Agent(**fields)
