"""Keys: add, change, replace, remove. Each runs in the caller's transaction; no error ever shows a secret."""

import re
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from shared.config.checking import check_label, check_range, check_secret
from shared.config.editing_providers import ensure_provider
from shared.config.editing_rows import find_row, has_row
from shared.config.environment_sync import DATABASE, ENVIRONMENT, Sealer
from shared.db.tables import provider_keys
from shared.errors import ConfigurationError, NameTaken
from shared.secret import Secret, mask
from shared.vault import fingerprint
from watchkeeper.clock import db_now

_PRIORITY: Final = 100
_VARIABLE: Final = re.compile(r"[A-Z0-9]+_API_KEY(_\d+)?")


def add_key(
    connection: Connection,
    sealer: Sealer,
    provider: str,
    secret_text: str,
    *,
    label: str | None = None,
    priority: int | None = None,
) -> list[str]:
    """Store a key; a known provider that is not there yet is added with its usual model.

    The same secret from the environment is taken over: the database's label and priority count from then on.

    Raises:
        ConfigurationError: a field is wrong.
        UnknownName: no such provider.
        NameTaken: the label, or the secret, is there already; names the label that has it.
    """
    secret = check_secret("key", secret_text)
    check_range("priority", priority, 0, 9_999)
    done = ensure_provider(connection, provider)
    label = _free_label(connection, label) if label is not None else _next_label(connection, provider)
    found = _holder(connection, sealer, secret)
    row: dict[str, Any] = {
        "provider": provider,
        "label": label,
        "sealed": sealer.vault.seal(secret),
        "mask": mask(secret.reveal()),
        "priority": _PRIORITY if priority is None else priority,
        "source": DATABASE,
    }
    if found is None:
        print_ = fingerprint(secret, sealer.salt)
        connection.execute(insert(provider_keys).values(**row, fingerprint=print_, created_at=db_now()))
        return [*done, f"key {label!r} of {provider} added ({row['mask']})"]
    if found["source"] != ENVIRONMENT or found["provider"] != provider:
        raise NameTaken(f"this key is stored already: it is {found['label']!r} of {found['provider']}")
    connection.execute(update(provider_keys).where(provider_keys.c.id == found["id"]).values(active=True, **row))
    return [
        *done,
        f"key {label!r} of {provider} added ({row['mask']}); it replaces {found['label']} of the environment",
    ]


def edit_key(
    connection: Connection, label: str, *, new_label: str | None = None, priority: int | None = None
) -> list[str]:
    """Change label or priority. Raises UnknownName, NameTaken, ConfigurationError."""
    row = find_row(connection, "key", label)
    _refuse_environment(row, "edited")
    changes: dict[str, Any] = {}
    if new_label is not None:
        changes["label"] = _free_label(connection, new_label)
    if priority is not None:
        check_range("priority", priority, 0, 9_999)
        changes["priority"] = priority
    if not changes:
        raise ConfigurationError("nothing to change: give --label or --priority")
    connection.execute(update(provider_keys).where(provider_keys.c.id == row["id"]).values(**changes))
    return [f"key {label!r} changed: {', '.join(changes)}"]


def rotate_key(connection: Connection, sealer: Sealer, label: str, secret_text: str) -> list[str]:
    """Replace the secret behind a label; a new secret is a new key to the fleet, so its quarantine is over.

    Raises:
        UnknownName, ConfigurationError, NameTaken
    """
    row = find_row(connection, "key", label)
    _refuse_environment(row, "rotated")
    secret = check_secret("key", secret_text)
    found = _holder(connection, sealer, secret)
    if found is not None and found["id"] == row["id"]:
        raise ConfigurationError(f"key {label!r} has this very secret already: give the new one")
    if found is not None:
        raise NameTaken(f"this key is stored already: it is {found['label']!r} of {found['provider']}")
    connection.execute(
        update(provider_keys)
        .where(provider_keys.c.id == row["id"])
        .values(
            sealed=sealer.vault.seal(secret),
            fingerprint=fingerprint(secret, sealer.salt),
            mask=mask(secret.reveal()),
            created_at=db_now(),
        )
    )
    return [f"key {label!r} rotated: {row['mask']} is out, {mask(secret.reveal())} is in"]


def remove_key(connection: Connection, label: str) -> list[str]:
    """Remove a key. Raises UnknownName, ConfigurationError."""
    row = find_row(connection, "key", label)
    _refuse_environment(row, "removed")
    connection.execute(delete(provider_keys).where(provider_keys.c.id == row["id"]))
    return [f"key {label!r} of {row['provider']} removed"]


def set_key_active(connection: Connection, label: str, *, active: bool) -> list[str]:
    """Switch a key on or off, also one of the environment (until its secret changes). Raises UnknownName."""
    row = find_row(connection, "key", label)
    connection.execute(update(provider_keys).where(provider_keys.c.id == row["id"]).values(active=active))
    word = "enabled" if active else "disabled"
    return [f"key {label!r} {word}" if row["active"] != active else f"key {label!r} was {word} already"]


def _refuse_environment(row: RowMapping, done: str) -> None:
    if row["source"] == ENVIRONMENT:
        raise ConfigurationError(
            f"key {row['label']!r} comes from the environment of the scheduler and is not {done} here: change "
            f"{row['label']} there or in .env (used within seconds), or add the key with "
            f"`watchkeeper keys add {row['provider']}`, which takes it over"
        )


def _holder(connection: Connection, sealer: Sealer, secret: Secret) -> RowMapping | None:
    print_ = fingerprint(secret, sealer.salt)
    return (
        connection.execute(select(provider_keys).where(provider_keys.c.fingerprint == print_))
        .mappings()
        .one_or_none()
    )


def _free_label(connection: Connection, label: str) -> str:
    label = check_label("label", label)
    if _VARIABLE.fullmatch(label):
        raise ConfigurationError(f"label: {label!r} is how keys of the environment are called: choose another one")
    if has_row(connection, "key", label):
        raise NameTaken(f"there is a key {label!r} already: choose another label, or `watchkeeper keys rotate`")
    return label


def _next_label(connection: Connection, provider: str) -> str:
    taken = set(connection.execute(select(provider_keys.c.label)).scalars())
    names = (f"{provider[:1].upper()}{provider[1:]} key {number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
