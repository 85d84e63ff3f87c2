"""The fixtures of every room: real stores, real sandbox."""

from tests.sandbox_fixture import sandbox
from tests.stores import (
    database_url,
    postgres_server,
    postgres_url,
    redis_url,
    sqlite_template,
    sqlite_url,
    valkey_server,
)

__all__ = [
    "database_url",
    "postgres_server",
    "postgres_url",
    "redis_url",
    "sandbox",
    "sqlite_template",
    "sqlite_url",
    "valkey_server",
]
