"""Secrets that cannot be printed by accident, and the redaction of text that others wrote."""

import re
from typing import Any, Final

_MASKED: Final = "[redacted]"

# Shapes of credentials as providers hand them out or as HTTP carries them.
_CREDENTIALS: Final = re.compile(
    r"""
      \b(?:sk|gsk|pplx|xai|nvapi|fw|csk|tgp_v1|hf|r8)[-_][A-Za-z0-9_\-]{12,}   # prefixed API keys
    | \bAIza[0-9A-Za-z_\-]{30,}                                                # Google
    | \bAKIA[0-9A-Z]{16}\b                                                     # AWS key id
    | \beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{5,}        # JSON web token
    | (?<=bearer\ )[A-Za-z0-9._~+/\-]{12,}=*
    | (?<=[?&]key=)[^&\s"']{8,}
    | (?<=api_key=)[^&\s"',)]{8,} | (?<=api-key:\ )[^\s"',)]{8,}
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                                          # user:password in a URL
    """,
    re.VERBOSE | re.IGNORECASE,
)


def mask(secret: str) -> str:
    """What people see of a secret: `sk-ant-a...XwAA`; short ones show nothing."""
    if len(secret) < 16:
        return "..."
    return f"{secret[:8] if len(secret) >= 24 else secret[:4]}...{secret[-4:]}"


def redact(text: str) -> str:
    """`text` with everything that looks like a credential replaced."""
    return _CREDENTIALS.sub(_MASKED, text)


class Secret:
    """A credential. Its str, repr and JSON form are the mask; only `reveal()` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __str__(self) -> str:
        return mask(self._value)

    def __repr__(self) -> str:
        return f"Secret({mask(self._value)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled: pass its fingerprint, or reveal() it where it is used")
