"""Keys in the environment, the second source: `GROQ_API_KEY`, `GROQ_API_KEY_1..n`, `GROQ_API_BASE` (DESIGN 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.config.catalogue import KNOWN_PROVIDERS, KnownProvider
from shared.config.checking import check_api_base, check_secret
from shared.secret import Secret

_VARIABLE: Final = re.compile(r"(?P<prefix>[A-Z0-9]+)_API_(?:KEY(?:_(?P<number>\d{1,3}))?|BASE)")


@dataclass(frozen=True, slots=True)
class EnvironmentProvider:
    """What the environment tells about one known provider; `keys` by variable name, in the order they are tried."""

    known: KnownProvider
    api_base: str | None
    keys: dict[str, Secret]


def environment_providers(environ: Mapping[str, str]) -> dict[str, EnvironmentProvider]:
    """The known providers the environment can serve.

    Raises:
        ConfigurationError: a value cannot be a key or a URL; names the variable, never the value.
    """
    keys: dict[str, dict[str, Secret]] = {}
    bases: dict[str, str] = {}
    for name in sorted(environ, key=_order):
        found = _VARIABLE.fullmatch(name)
        value = environ[name].strip(" \t")
        if found is None or found["prefix"].lower() not in KNOWN_PROVIDERS or not value:
            continue
        provider = found["prefix"].lower()
        if name.endswith("_API_BASE"):
            bases[provider] = check_api_base(name, value)
        else:
            keys.setdefault(provider, {})[name] = check_secret(name, value)
    return {
        name: EnvironmentProvider(known, bases.get(name), keys.get(name, {}))
        for name, known in KNOWN_PROVIDERS.items()
        if keys.get(name) or (known.auth == "none" and name in bases)
    }


def _order(name: str) -> tuple[str, int]:
    found = _VARIABLE.fullmatch(name)
    number = int(found["number"]) if found and found["number"] else 0
    return (name.split("_API_", maxsplit=1)[0], number if number else 10_000)  # the bare one comes last
