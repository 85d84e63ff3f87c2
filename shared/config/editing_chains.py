"""One model for many agents: put at the head of their chains, or alone. Runs in the caller's transaction."""

import json
from typing import Any

from sqlalchemy import Connection, select, update

from shared.config.catalogue import KNOWN_PROVIDERS
from shared.config.compiling import compile_snapshot
from shared.config.editing_models import add_model, check_chain
from shared.config.editing_providers import add_provider
from shared.config.editing_rows import find_row, has_row
from shared.db.tables import agents


def use_model(connection: Connection, model_id: str, names: list[str] | None, *, only: bool) -> list[str]:
    """Let the agents `names` (None = all) ask `model_id` first, or with `only` nothing else.

    A model `PROVIDER/...` that is not there yet is added when its provider is there, or is a known one without
    credentials. An agent that had no chain of its own keeps the present defaults behind the model.

    Raises:
        UnknownName, ConfigurationError: nothing was changed.
    """
    done = _ensure_model(connection, model_id)
    check_chain(connection, [model_id])
    for name in names or []:
        find_row(connection, "agent", name)
    resolved = compile_snapshot(connection, 0).agents
    rows = connection.execute(select(agents.c.name).order_by(agents.c.name)).scalars().all()
    for name in rows:
        if names is not None and name not in names:
            continue
        behind = [] if only else [other for other in resolved[name].models if other != model_id]
        chain = json.dumps([model_id, *behind])
        connection.execute(update(agents).where(agents.c.name == name).values(models=chain))
        done.append(f"agent {name} now asks {' > '.join([model_id, *behind])}")
    return done


def _ensure_model(connection: Connection, model_id: str) -> list[str]:
    provider = model_id.partition("/")[0]
    if has_row(connection, "model", model_id):
        return []
    done: list[str] = []
    known = KNOWN_PROVIDERS.get(provider)
    if not has_row(connection, "provider", provider) and known is not None and known.auth == "none":
        fields: Any = {} if known.api_base is None else {"api_base": known.api_base}
        done += add_provider(connection, provider, fields)
    if has_row(connection, "provider", provider):
        return done + add_model(connection, model_id, {})
    find_row(connection, "model", model_id)  # says which there are
    return done
