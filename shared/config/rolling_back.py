"""Sets the tables back to what an older snapshot says; publishing them makes it the newest generation.

What that generation did not know is switched off, not deleted: a rollback destroys no secret. What the
scheduler's environment gives stays as the environment is now.
"""

from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from shared.config import document as doc
from shared.config.applying import put_agents, put_defaults, put_models, put_providers
from shared.config.document import snapshot_document
from shared.config.editing_agents import DEFAULT_AGENT, remove_agent
from shared.config.environment_sync import DATABASE, ENVIRONMENT
from shared.config.reading_yaml import Problems
from shared.config.sheet import Sheet
from shared.config.snapshot import Snapshot
from shared.db.tables import agents, models, provider_keys, providers
from watchkeeper.clock import db_now

_SWITCHED: Final = ((providers, "name", "provider"), (models, "id", "model"))


def roll_back(connection: Connection, snapshot: Snapshot) -> list[str]:
    """Make the tables say what `snapshot` says; what was done, in words.

    Raises:
        ConfigurationError: it cannot be stored as it is now, e.g. a tool of an agent is no more; roll back.
    """
    sections = snapshot_document(snapshot)
    shown = connection.execute(select(models.c.id, models.c.display_name))
    for model_id, display_name in shown:
        if model_id in sections[doc.MODELS]:
            sections[doc.MODELS][model_id]["display_name"] = display_name
    sheet = Sheet(connection, Problems())
    put_providers(sheet, sections)
    sheet.done += _set_keys(connection, snapshot)
    put_models(sheet, sections)
    put_defaults(sheet, sections)
    put_agents(sheet, sections)
    for name in connection.execute(select(agents.c.name)).scalars().all():
        if name not in snapshot.agents and name != DEFAULT_AGENT:
            sheet.done += remove_agent(connection, name)
    sheet.problems.raise_any()
    sheet.done += _switch_off(connection, snapshot)
    return [f"back to generation {snapshot.generation}", *sheet.done]


def _set_keys(connection: Connection, snapshot: Snapshot) -> list[str]:
    """Secrets come from the snapshot. A key is the same by its fingerprint, then by its label."""
    done: list[str] = []
    stored = {row["fingerprint"]: row for row in connection.execute(select(provider_keys)).mappings()}
    wanted = {key.fingerprint: key for key in snapshot.keys}
    for print_, row in stored.items():  # labels may have changed hands
        if print_ in wanted and wanted[print_].label != row["label"] and wanted[print_].source != ENVIRONMENT:
            _update(connection, row["id"], {"label": f"~{row['id']}"})
    for key in snapshot.keys:
        known = stored.get(key.fingerprint)
        fields: dict[str, Any] = {"active": True}
        if key.source != ENVIRONMENT:
            fields |= {name: getattr(key, name) for name in ("label", "provider", "priority", "sealed", "mask")}
            fields |= {"fingerprint": key.fingerprint, "source": DATABASE}
        if known is not None:
            differs = [name for name, value in fields.items() if name != "sealed" and known[name] != value]
            if differs:
                _update(connection, known["id"], fields)
                done.append(f"key {key.label!r} set back: {', '.join(differs)}")
        elif key.source != ENVIRONMENT:
            done.append(_bring_back(connection, fields))
    return done


def _bring_back(connection: Connection, fields: dict[str, Any]) -> str:
    holder = connection.execute(select(provider_keys.c.id).where(provider_keys.c.label == fields["label"])).scalar()
    if holder is not None:
        _update(connection, holder, fields)
        return f"key {fields['label']!r} has its older secret again ({fields['mask']})"
    connection.execute(insert(provider_keys).values(**fields, created_at=db_now()))
    return f"key {fields['label']!r} of {fields['provider']} is back ({fields['mask']})"


def _switch_off(connection: Connection, snapshot: Snapshot) -> list[str]:
    done: list[str] = []
    known = {"provider": set(snapshot.providers), "model": set(snapshot.models)}
    for table, column, kind in _SWITCHED:
        ours = select(table.c[column]).where(table.c.active, table.c.source == DATABASE)
        for name in connection.execute(ours).scalars().all():
            if name not in known[kind]:
                connection.execute(update(table).where(table.c[column] == name).values(active=False))
                done.append(f"{kind} {name} switched off")
    of_then = {key.fingerprint for key in snapshot.keys}
    for row in connection.execute(
        select(provider_keys).where(provider_keys.c.active, provider_keys.c.source == DATABASE)
    ).mappings():
        if row["fingerprint"] not in of_then:
            _update(connection, row["id"], {"active": False})
            done.append(f"key {row['label']!r} disabled")
    return done


def _update(connection: Connection, row_id: int, fields: dict[str, Any]) -> None:
    connection.execute(update(provider_keys).where(provider_keys.c.id == row_id).values(**fields))
