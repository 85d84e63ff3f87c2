"""Who refers to a model: what is removed must not be missed by a chain or a default."""

import json

from sqlalchemy import Connection, select

from shared.db.tables import agents, llm_defaults
from shared.errors import ConfigurationError


def references(connection: Connection, model_ids: list[str]) -> list[str]:
    """The agents and defaults that name one of these models, in words."""
    wanted = set(model_ids)
    found = [
        f"agent {row.name!r}"
        for row in connection.execute(select(agents.c.name, agents.c.models).order_by(agents.c.name))
        if wanted.intersection(json.loads(row.models))
    ]
    found += [
        f"the default for {row.purpose}"
        for row in connection.execute(select(llm_defaults).order_by(llm_defaults.c.purpose))
        if row.model in wanted
    ]
    return found


def refuse_referenced(connection: Connection, what: str, model_ids: list[str]) -> None:
    """Raise ConfigurationError when an agent or a default names one of these models."""
    users = references(connection, model_ids)
    if users:
        raise ConfigurationError(
            f"{what} is in use by {', '.join(users)}: change their models first "
            "(`watchkeeper agents edit NAME --models ...`, `watchkeeper models default ...`)"
        )
