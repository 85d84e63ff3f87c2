"""What may be stored as a name, a key, a URL, a number: refused with the field and the mend, before anything is."""

import re
from typing import Final
from urllib.parse import urlsplit

from shared.errors import ConfigurationError
from shared.secret import Secret
from watchkeeper.contract import MAX_NAME_LENGTH

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")


def check_name(field: str, value: str) -> str:
    """A name people type: letters, digits and . _ : / @ + -"""
    if not _NAME.fullmatch(value) or len(value) > MAX_NAME_LENGTH:
        raise ConfigurationError(
            f"{field}: {value[:60]!r} is not a name: letters, digits and . _ : / @ + - only, "
            f"at most {MAX_NAME_LENGTH} characters, beginning with a letter or digit"
        )
    return value


def check_label(field: str, value: str) -> str:
    """What people call a key: one line of text."""
    if not value.strip() or not value.isprintable() or len(value) > MAX_NAME_LENGTH:
        raise ConfigurationError(f"{field}: must be one line of 1 to {MAX_NAME_LENGTH} printable characters")
    return value.strip()


def check_secret(field: str, value: str) -> Secret:
    """A credential: one word. The error never shows it."""
    if not value:
        raise ConfigurationError(f"{field}: the key is empty")
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ConfigurationError(
            f"{field}: the key holds a line break, a space or another invisible character: copy it again, as one word"
        )
    if not value.isascii():
        raise ConfigurationError(f"{field}: the key holds a character outside ASCII: copy it again")
    if len(value) > 4096:
        raise ConfigurationError(f"{field}: the key is longer than 4096 characters: is this the right file?")
    return Secret(value)


def check_api_base(field: str, value: str) -> str:
    """An http or https URL without credentials in it."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{field}: must be a URL such as https://api.example.com/v1")
    if parts.username or parts.password:
        raise ConfigurationError(f"{field}: must not hold a user or password: add the credential as a key")
    return value.rstrip("/")


def check_range(field: str, value: float | None, low: float, high: float) -> float | None:
    """A number within bounds; None = not set."""
    if value is not None and not low <= value <= high:
        raise ConfigurationError(f"{field}: {value:g} is not from {low:g} to {high:g}")
    return value
