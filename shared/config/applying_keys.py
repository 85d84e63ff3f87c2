"""The keys of a document: their secrets come from named variables of the environment, never from the document."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from shared.config import document as doc
from shared.config.document import Sections, complete
from shared.config.editing_keys import add_key, edit_key, rotate_key, set_key_active
from shared.config.editing_rows import has_row
from shared.config.environment_sync import Sealer
from shared.config.sheet import Sheet
from shared.db.tables import provider_keys
from shared.secret import Secret
from shared.vault import fingerprint


def put_keys(sheet: Sheet, sections: Sections, sealer: Sealer, environ: Mapping[str, str]) -> None:
    """Add and change keys; `environ` is where their secrets are."""
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
