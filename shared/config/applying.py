"""Makes the tables equal to a document, in the caller's transaction; all that is wrong is told at once."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from shared.config import document as doc
from shared.config.applying_keys import put_keys
from shared.config.document import Document, Sections, current_document
from shared.config.editing_agents import DEFAULT_AGENT, add_agent, edit_agent, remove_agent
from shared.config.editing_keys import remove_key
from shared.config.editing_models import add_model, edit_model, remove_model, set_default
from shared.config.editing_providers import add_provider, edit_provider, remove_provider
from shared.config.environment_sync import Sealer
from shared.config.reading_yaml import Problems
from shared.config.sheet import Sheet

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
    put_keys(sheet, sections, sealer, environ)
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


def _owned(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    return list(current_document(connection).items())
