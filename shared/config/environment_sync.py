"""Brings what the scheduler finds in its environment into the tables, behind what people configured there."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from shared.config.catalogue import SANDBOX
from shared.config.environment_keys import EnvironmentProvider
from shared.db.tables import models, provider_keys, providers
from shared.secret import Secret, mask
from shared.vault import Vault, fingerprint
from watchkeeper.clock import db_now

ENVIRONMENT: Final = "environment"
DATABASE: Final = "database"
_BEHIND: Final = 10_000  # environment keys come after the database's, whatever priority those have


@dataclass(frozen=True, slots=True)
class Sealer:
    """Makes storable keys: sealed by the vault, named under the installation's salt."""

    vault: Vault
    salt: str


def sync_environment(connection: Connection, found: dict[str, EnvironmentProvider], sealer: Sealer) -> None:
    """Make the rows of source `environment` equal to `found`, in the caller's transaction."""
    wanted = dict(found)
    if SANDBOX in wanted and (len(wanted) > 1 or _has_other_provider(connection)):
        del wanted[SANDBOX]  # an outage of the real ones must never end in a made-up answer
    for provider in wanted.values():
        _sync_provider(connection, provider)
    _sync_keys(connection, wanted, sealer)
    _drop_vanished(connection, wanted)


def _has_other_provider(connection: Connection) -> bool:
    return bool(
        connection.execute(
            select(func.count())
            .select_from(providers)
            .where(providers.c.source == DATABASE, providers.c.active, providers.c.name != SANDBOX)
        ).scalar_one()
    )


def _sync_provider(connection: Connection, found: EnvironmentProvider) -> None:
    known = found.known
    row = connection.execute(select(providers.c.source).where(providers.c.name == known.name)).first()
    if row is None:
        connection.execute(
            insert(providers).values(
                name=known.name,
                kind=known.kind,
                api_base=found.api_base,
                auth=known.auth,
                priority=known.priority,
                key_page_url=known.key_page_url,
                status_page_url=known.status_page_url,
                source=ENVIRONMENT,
            )
        )
    elif row.source == ENVIRONMENT:
        connection.execute(
            update(providers).where(providers.c.name == known.name).values(api_base=found.api_base, active=True)
        )
    has_model = connection.execute(select(models.c.id).where(models.c.provider == known.name).limit(1)).first()
    if has_model is None and known.usual_model is not None:
        connection.execute(
            insert(models).values(
                id=f"{known.name}/{known.usual_model}",
                display_name=known.usual_model,
                type="chat",
                provider=known.name,
                remote_name=known.usual_model,
                source=ENVIRONMENT,
            )
        )


def _sync_keys(connection: Connection, wanted: dict[str, EnvironmentProvider], sealer: Sealer) -> None:
    of_database = set(
        connection.execute(select(provider_keys.c.fingerprint).where(provider_keys.c.source == DATABASE)).scalars()
    )
    rows: dict[str, tuple[Secret, str, str, int]] = {}
    for name, provider in wanted.items():
        for place, (variable, secret) in enumerate(provider.keys.items()):
            print_ = fingerprint(secret, sealer.salt)
            if print_ not in of_database and print_ not in rows:
                # the same secret twice is one key; the database's comes first
                rows[print_] = (secret, name, variable, _BEHIND + place)
    stored = connection.execute(
        select(
            provider_keys.c.fingerprint, provider_keys.c.provider, provider_keys.c.label, provider_keys.c.priority
        ).where(provider_keys.c.source == ENVIRONMENT)
    ).all()
    kept = {row.fingerprint for row in stored if rows.get(row.fingerprint, ())[1:] == tuple(row)[1:]}
    # A key that moved to another variable is written anew, after all that went: labels are unique.
    connection.execute(
        delete(provider_keys).where(provider_keys.c.source == ENVIRONMENT, provider_keys.c.fingerprint.not_in(kept))
    )
    for print_, (secret, name, variable, priority) in rows.items():
        if print_ in kept:
            continue
        connection.execute(
            insert(provider_keys).values(
                provider=name,
                label=variable,
                priority=priority,
                sealed=sealer.vault.seal(secret),
                fingerprint=print_,
                mask=mask(secret.reveal()),
                source=ENVIRONMENT,
                created_at=db_now(),
            )
        )


def _drop_vanished(connection: Connection, wanted: dict[str, EnvironmentProvider]) -> None:
    """Remove environment providers that are gone, unless a person hung a key or model on them."""
    for name in (
        connection.execute(
            select(providers.c.name).where(providers.c.source == ENVIRONMENT, providers.c.name.not_in(wanted))
        )
        .scalars()
        .all()
    ):
        used = any(
            connection.execute(
                select(func.count()).select_from(table).where(table.c.provider == name, table.c.source == DATABASE)
            ).scalar_one()
            for table in (provider_keys, models)
        )
        if used:
            connection.execute(update(providers).where(providers.c.name == name).values(source=DATABASE))
        else:
            connection.execute(delete(providers).where(providers.c.name == name))
