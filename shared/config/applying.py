"""Makes the tables equal to a document, in the caller's transaction; all that is wrong is told at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from shared.config import document as doc
from shared.config.document import Document, Sections, complete, current_document
from shared.config.editing_agents import DEFAULT_AGENT, add_agent, edit_agent, remove_agent
from shared.config.editing_keys import add_key, edit_key, remove_key, rotate_key, set_key_active
from shared.config.editing_models import add_model, edit_model, remove_model, set_default
from shared.config.editing_providers import add_provider, edit_provider, remove_provider
from shared.config.editing_rows import has_row
from shared.config.environment_sync import Sealer
from shared.config.reading_yaml import Problems
from shared.db.tables import agents, models, provider_keys, providers
from shared.errors import ConfigurationError, UnknownName
from shared.secret import Secret
from shared.vault import fingerprint

Act = Callable[[dict[str, Any]], list[str]]

_NOT_EDITED: Final = {doc.KEYS: ("provider", "from_env", "active", "key")}


@dataclass(slots=True)
class Sheet:
    """The work on one document: what was done, and what could not be."""

    connection: Connection
    problems: Problems
    done: list[str] = field(default_factory=list)

    def attempt(self, path: str, act: Act, fields: dict[str, Any]) -> None:
        """Do it; a field that is refused is noted and left out, so that the others are looked at, too."""
        fields = dict(fields)
        while True:
            try:
                self.done += act(fields)
            except UnknownName as error:
                self.problems.add(path, str(error))
            except ConfigurationError as error:
                name, colon, words = str(error).partition(":")
                if colon and name in fields:
                    self.problems.add(f"{path}.{name}", words.strip())
                    del fields[name]
                    continue
                self.problems.add(path, str(error))
            return

    def put(self, section: str, name: str, fields: Mapping[str, Any], add: Act, edit: Act) -> None:
        """Add the entry, or change the fields in which it differs."""
        path = f"{section}.{name}"
        kind = section.removesuffix("s")
        wanted = complete(section, name, fields)
        if section == doc.AGENTS:
            self._known_models(path, wanted)
        if not has_row(self.connection, kind, name):
            self.attempt(path, add, wanted)
            return
        now = self._now(section, name)
        changed = {
            field: value
            for field, value in wanted.items()
            if field not in _NOT_EDITED.get(section, ()) and now.get(field) != value
        }
        if changed:
            self.attempt(path, edit, changed)

    def _now(self, section: str, name: str) -> dict[str, Any]:
        table, column = _TABLES[section]
        row = self.connection.execute(select(table).where(table.c[column] == name)).mappings().one()
        return {key: doc.stored_value(row, key) for key in row}

    def _known_models(self, path: str, wanted: dict[str, Any]) -> None:
        for place, model in enumerate(wanted["models"]):
            if not has_row(self.connection, "model", model):
                self.problems.add(f"{path}.models[{place}]", f"there is no model {model!r}")
        wanted["models"] = [model for model in wanted["models"] if has_row(self.connection, "model", model)]


_TABLES: Final = {
    doc.PROVIDERS: (providers, "name"),
    doc.KEYS: (provider_keys, "label"),
    doc.MODELS: (models, "id"),
    doc.AGENTS: (agents, "name"),
}


_REMOVES: Final[dict[str, Callable[[Connection, str], list[str]]]] = {
    doc.AGENTS: remove_agent,
    doc.KEYS: remove_key,
    doc.MODELS: remove_model,
    doc.PROVIDERS: remove_provider,
}
"""In the order in which nothing is missed by what refers to it."""


def apply_document(
    connection: Connection, document: Document, problems: Problems, sealer: Sealer, environ: Mapping[str, str]
) -> list[str]:
    """Make each section that is there what the document says; what it does not name is removed.

    What the scheduler's environment gives stays, and so does the agent `default`. Returns what was done.

    Raises:
        ConfigurationError: lists everything that is wrong; roll back.
    """
    sheet = Sheet(connection, problems)
    sections = document.sections
    put_providers(sheet, sections)
    _put_keys(sheet, sections, sealer, environ)
    put_models(sheet, sections)
    put_defaults(sheet, sections)
    put_agents(sheet, sections)
    gone = {section: set(entries) - set(sections.get(section, entries)) for section, entries in _owned(connection)}
    for section, remove in _REMOVES.items():
        for name in sorted(gone[section] - {DEFAULT_AGENT if section == doc.AGENTS else ""}):
            sheet.attempt(f"{section}.{name}", lambda _, remove=remove, name=name: remove(connection, name), {})  # type: ignore[misc]
    problems.raise_any()
    return sheet.done or ["nothing differs"]


def put_providers(sheet: Sheet, sections: Sections) -> None:
    """Add and change providers."""
    for name, fields in sections.get(doc.PROVIDERS, {}).items():
        sheet.put(
            doc.PROVIDERS,
            name,
            fields,
            partial(add_provider, sheet.connection, name),
            partial(edit_provider, sheet.connection, name),
        )


def put_models(sheet: Sheet, sections: Sections) -> None:
    """Add and change models."""
    for name, fields in sections.get(doc.MODELS, {}).items():
        sheet.put(
            doc.MODELS,
            name,
            fields,
            partial(add_model, sheet.connection, name),
            partial(edit_model, sheet.connection, name),
        )


def put_defaults(sheet: Sheet, sections: Sections) -> None:
    """Choose the defaults; one that is not named is cleared."""
    if doc.DEFAULTS not in sections:
        return
    now, wanted = current_document(sheet.connection)[doc.DEFAULTS], sections[doc.DEFAULTS]
    for purpose in {**now, **wanted}:
        if now.get(purpose) != wanted.get(purpose):
            path = f"{doc.DEFAULTS}.{purpose}"
            model = wanted.get(purpose)
            sheet.attempt(path, lambda _, p=purpose, m=model: set_default(sheet.connection, p, m), {})  # type: ignore[misc]


def put_agents(sheet: Sheet, sections: Sections) -> None:
    """Add and change agents."""
    for name, fields in sections.get(doc.AGENTS, {}).items():
        sheet.put(
            doc.AGENTS,
            name,
            fields,
            partial(add_agent, sheet.connection, name),
            partial(edit_agent, sheet.connection, name),
        )


def _put_keys(sheet: Sheet, sections: Sections, sealer: Sealer, environ: Mapping[str, str]) -> None:
    for label, fields in sections.get(doc.KEYS, {}).items():
        path = f"{doc.KEYS}.{label}"
        if fields.get("from_env") and not environ.get(fields["from_env"]):
            sheet.problems.add(f"{path}.from_env", "is not set, neither in the environment nor in .env")
        elif not has_row(sheet.connection, "key", label):
            _add_key(sheet, path, label, fields, sealer, environ)
        else:
            _change_key(sheet, path, label, complete(doc.KEYS, label, fields), sealer, environ)


def _add_key(
    sheet: Sheet, path: str, label: str, fields: dict[str, Any], sealer: Sealer, environ: Mapping[str, str]
) -> None:
    missing = [name for name in ("provider", "from_env") if name not in fields]
    if missing:
        words = "is not stored here: say its provider, and from_env: NAME of the variable that holds its secret"
        sheet.problems.add(path, words)
        return
    provider, secret = fields["provider"], environ[fields["from_env"]]
    priority = fields.get("priority", 100)
    before = len(sheet.problems.found)
    sheet.attempt(
        path,
        lambda f: add_key(sheet.connection, sealer, provider, secret, label=label, **f),
        {"priority": priority},
    )
    if len(sheet.problems.found) == before and not fields.get("active", True):
        sheet.done += set_key_active(sheet.connection, label, active=False)


def _change_key(
    sheet: Sheet, path: str, label: str, fields: dict[str, Any], sealer: Sealer, environ: Mapping[str, str]
) -> None:
    connection = sheet.connection
    row = connection.execute(select(provider_keys).where(provider_keys.c.label == label)).mappings().one()
    if fields.get("provider", row["provider"]) != row["provider"]:
        words = f"is of {row['provider']}: a key does not move to another provider, give it another label"
        sheet.problems.add(f"{path}.provider", words)
    if row["priority"] != fields["priority"]:
        sheet.attempt(path, lambda f: edit_key(connection, label, **f), {"priority": fields["priority"]})
    if row["active"] != fields["active"]:
        sheet.done += set_key_active(connection, label, active=fields["active"])
    if "from_env" in fields:
        secret = environ[fields["from_env"]]
        if fingerprint(Secret(secret), sealer.salt) != row["fingerprint"]:
            sheet.attempt(path, lambda _: rotate_key(connection, sealer, label, secret), {})


def _owned(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    return list(current_document(connection).items())
