"""Where the stores are: `DATABASE_URL` and `REDIS_URL`, else the embedded ones under `WATCHKEEPER_HOME`."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SOCKET_PATH_LIMIT = 100  # a Unix socket's path may have 104 bytes on macOS, 108 on Linux


UNREADABLE_REDIS_URL = (
    "REDIS_URL cannot be read: it is redis://:PASSWORD@HOST:6379/0, rediss://... or unix://PATH, with special "
    "characters of the password percent-encoded"
)


@dataclass(frozen=True, slots=True)
class Locations:
    """Both stores' addresses. `embedded_*` tells that this home owns the store itself."""

    home: Path
    database_url: str
    redis_url: str
    embedded_database: bool
    embedded_redis: bool


def locate(environ: Mapping[str, str] | None = None) -> Locations:
    """Read the addresses from `environ` (default: this process's environment)."""
    environ = os.environ if environ is None else environ
    home = Path(environ.get("WATCHKEEPER_HOME") or ".watchkeeper").expanduser().resolve()
    database_url = environ.get("DATABASE_URL", "").strip()
    redis_url = environ.get("REDIS_URL", "").strip()
    return Locations(
        home=home,
        database_url=normalise_database_url(database_url or f"sqlite:///{home / 'watchkeeper.db'}"),
        redis_url=redis_url or f"unix://{socket_path(home)}",
        embedded_database=not database_url,
        embedded_redis=not redis_url,
    )


def normalise_database_url(url: str) -> str:
    """PostgreSQL URLs get the psycopg 3 driver; hosting platforms still hand out `postgres://`."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def socket_path(home: Path) -> Path:
    """The embedded Valkey's socket: in its home, or in a private temporary folder when that path is too long."""
    inside = home / "valkey.sock"
    if len(os.fsencode(inside)) <= _SOCKET_PATH_LIMIT:
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"watchkeeper-{os.getuid()}-{digest}" / "valkey.sock"
