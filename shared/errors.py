"""Errors the service raises on purpose; each text says what to do.

::

    ServiceError                 exit 1
    ├── ConfigurationError       exit 1   a setting or a change of the configuration is wrong; nothing was stored
    │   ├── EnvironmentFileError          a line of `.env` cannot be read
    │   ├── UnknownName                   a provider, model, key or agent that is not there
    │   └── NameTaken                     a provider, model, key or agent that is there already
    ├── MasterKeyError           exit 1   secrets cannot be opened or sealed
    └── StoreError               exit 3   SQL or Redis: unreachable, refused, not migrated
        ├── RedisUnavailable
        ├── DatabaseUnavailable
        └── DatabaseVersionError          not migrated, or newer than this code
"""


class ServiceError(Exception):
    """Base of the service's own errors. `exit_code` is what a command ends with."""

    exit_code = 1


class ConfigurationError(ServiceError):
    """A setting or a change is wrong. The text names the field and the mend; nothing was stored."""


class EnvironmentFileError(ConfigurationError):
    """A line of `.env` cannot be read. Names file and line, never the line's text: it may hold a secret."""


class UnknownName(ConfigurationError):
    """What is referred to does not exist."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        there_is = ", ".join(sorted(known)[:12]) or "none yet"
        super().__init__(f"there is no {kind} {name!r} (there is: {there_is})")


class NameTaken(ConfigurationError):
    """What is to be added exists already."""


class MasterKeyError(ServiceError):
    """The master key is missing, malformed or not the one the stored secrets were sealed with."""


class StoreError(ServiceError):
    """A store does not serve us."""

    exit_code = 3


class RedisUnavailable(StoreError):
    """Redis cannot be reached or refuses us."""


class DatabaseUnavailable(StoreError):
    """The SQL database cannot be reached or refuses us."""


class DatabaseVersionError(StoreError):
    """The database's schema is not the one this code needs."""
