"""What every edit of the configuration asks first: is it there, is the name free, may a person change it here."""

from typing import Any, Final

from sqlalchemy import Column, Connection, RowMapping, Table, select

from shared.config.environment_sync import ENVIRONMENT
from shared.db.tables import agents, models, provider_keys, providers
from shared.errors import ConfigurationError, NameTaken, UnknownName

_NAMED: Final[dict[str, tuple[Table, Column[Any]]]] = {
    "provider": (providers, providers.c.name),
    "model": (models, models.c.id),
    "agent": (agents, agents.c.name),
    "key": (provider_keys, provider_keys.c.label),
}


def find_row(connection: Connection, kind: str, name: str) -> RowMapping:
    """The row of that name; `kind` is provider, model, agent or key.

    Raises:
        UnknownName: lists what there is.
    """
    table, column = _NAMED[kind]
    row = connection.execute(select(table).where(column == name)).mappings().one_or_none()
    if row is None:
        raise UnknownName(kind, name, list(connection.execute(select(column)).scalars()))
    return row


def has_row(connection: Connection, kind: str, name: str) -> bool:
    """Is there one of that name?"""
    _, column = _NAMED[kind]
    return connection.execute(select(column).where(column == name)).first() is not None


def require_free(connection: Connection, kind: str, name: str) -> None:
    """Raise NameTaken when there is one of that name."""
    if has_row(connection, kind, name):
        raise NameTaken(f"{kind} {name!r} is there already: change it with `watchkeeper {kind}s edit`")


def require_changes(fields: object, kind: str) -> None:
    """Raise ConfigurationError for an edit that changes nothing."""
    if not fields:
        raise ConfigurationError(f"nothing to change: see `watchkeeper {kind}s edit --help`")


def variables_of(connection: Connection, provider: str) -> list[str]:
    """The environment variables that give this provider its keys now."""
    return list(
        connection.execute(
            select(provider_keys.c.label)
            .where(provider_keys.c.provider == provider, provider_keys.c.source == ENVIRONMENT)
            .order_by(provider_keys.c.priority)
        ).scalars()
    )
