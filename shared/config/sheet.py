"""The work on one document: each entry is added or changed, and what cannot be is noted with its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, select

from shared.config import document as doc
from shared.config.document import complete
from shared.config.editing_rows import has_row
from shared.config.reading_yaml import Problems
from shared.db.tables import agents, models, provider_keys, providers
from shared.errors import ConfigurationError, UnknownName

Act = Callable[[dict[str, Any]], list[str]]

_NOT_EDITED: Final = {doc.KEYS: ("provider", "from_env", "active", "key")}
_TABLES: Final = {
    doc.PROVIDERS: (providers, "name"),
    doc.KEYS: (provider_keys, "label"),
    doc.MODELS: (models, "id"),
    doc.AGENTS: (agents, "name"),
}


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
