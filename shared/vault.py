"""Sealing secrets at rest and naming them by fingerprint (DESIGN 6)."""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.errors import MasterKeyError
from shared.secret import Secret

_VERSION: Final = "wk1:"
_CHECK: Final = "watchkeeper"
_NEW_KEY: Final = "python3 -c 'import base64,os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"


class Vault:
    """Seals and opens secrets with the master keys; the first one seals, all of them open (rotation)."""

    def __init__(self, master_keys: list[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in master_keys])
        except (ValueError, TypeError):
            raise MasterKeyError(
                f"a master key is not 32 bytes of url-safe base64: make one with {_NEW_KEY}"
            ) from None

    def seal(self, secret: Secret) -> str:
        """The text to store for `secret`."""
        return _VERSION + self._fernet.encrypt(secret.reveal().encode()).decode()

    def open(self, sealed: str) -> Secret:
        """The secret behind stored text.

        Raises:
            MasterKeyError: sealed with a key this process was not given, or damaged.
        """
        if not sealed.startswith(_VERSION):
            raise MasterKeyError("a stored secret has an unknown format: was it written by a newer version?")
        try:
            return Secret(self._fernet.decrypt(sealed.removeprefix(_VERSION).encode()).decode())
        except InvalidToken:
            raise MasterKeyError(
                "the master key does not open the stored secrets: give the key they were sealed with in "
                "WATCHKEEPER_MASTER_KEY (several, comma-separated, when rotating) or in the master.key file"
            ) from None

    def seal_check(self) -> str:
        """A sealed known text; `verify` on it later tells a wrong master key from a damaged secret."""
        return self.seal(Secret(_CHECK))

    def verify(self, sealed_check: str) -> None:
        """Raise MasterKeyError unless this vault opens what `seal_check` made."""
        if self.open(sealed_check).reveal() != _CHECK:
            raise MasterKeyError("the stored master key check is damaged")


def fingerprint(secret: Secret, salt: str) -> str:
    """Names `secret` without telling it: 20 hex digits of HMAC-SHA256 under the installation's salt."""
    return hmac.new(salt.encode(), secret.reveal().encode(), hashlib.sha256).hexdigest()[:20]


def load_vault(environ: Mapping[str, str], home: Path, *, embedded: bool) -> Vault:
    """The vault of this installation.

    `WATCHKEEPER_MASTER_KEY` (comma-separated) wins over the file `WATCHKEEPER_MASTER_KEY_FILE` or `master.key`
    in `home`. With the embedded database the file is made at first use, readable by its owner only.

    Raises:
        MasterKeyError: none given for an external database, unreadable, open to others, or malformed.
    """
    given = environ.get("WATCHKEEPER_MASTER_KEY", "").strip()
    if given:
        return Vault([key for key in re.split(r"[,\s]+", given) if key])
    path = Path(environ.get("WATCHKEEPER_MASTER_KEY_FILE") or home / "master.key")
    if not path.exists():
        if not embedded:
            raise MasterKeyError(
                f"DATABASE_URL is set but there is no master key for its secrets: set WATCHKEEPER_MASTER_KEY, or "
                f"put the key into {path} (mode 0600). Make one with {_NEW_KEY}"
            )
        _create_key_file(path)
    return Vault(_read_key_file(path).split())


def _create_key_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    staged = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(base64.urlsafe_b64encode(os.urandom(32)).decode() + "\n")
    try:
        os.link(staged, path)  # fails when another process was first: then its key counts
    except FileExistsError:
        return
    finally:
        staged.unlink()


def _read_key_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text()
    except OSError as error:
        raise MasterKeyError(f"the master key file {path} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise MasterKeyError(f"the master key file {path} is readable by others (mode {mode:o}): chmod 600 {path}")
    return text
