"""The ways in which a store can be away, each as what begins it and what ends it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg
from redis import Redis

from tests.chaos.outages_proxy import Proxy, Way
from tests.chaos.world import World
from tests.waiting import wait_until

REDIS = ("redis killed", "redis stopped", "redis frozen", "redis cut", "redis cut after executed")
SQL = {
    "sqlite": ("sqlite locked",),
    "postgresql": (
        "postgresql stopped",
        "postgresql killed",
        "postgresql frozen",
        "postgresql cut",
        "postgresql cut after executed",
    ),
}
WIPE = "redis wiped"

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], 60)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
input()
"""


@contextmanager
def outage(world: World, kind: str) -> Iterator[None]:
    """The store is away inside the block, and there again when it ends."""
    match kind:
        case "redis killed":
            world.valkey.kill()
            try:
                yield
            finally:
                world.valkey.start()
                wait_until(world.redis_answers)
        case "redis stopped":
            with stopped([psutil.Process(world.valkey.pid)]):
                yield
        case "redis wiped":
            with Redis.from_url(world.redis_url) as redis:
                redis.flushall()
            yield
        case "sqlite locked":
            with _locked(Path(world.engine.url.database or "")):
                yield
        case "postgresql stopped":
            postmaster = _postmaster(world)
            with stopped([postmaster, *postmaster.children()]):
                yield
        case "postgresql killed":
            with _killed_postgres(world):
                yield
        case _:
            server, _, how = kind.partition(" ")
            way = {"frozen": Way.FROZEN, "cut": Way.CUT, "cut after executed": Way.EXECUTED}[how]
            proxy = world.redis_way if server == "redis" else world.sql_way
            assert proxy is not None
            with _through(proxy, way):
                yield


@contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """SIGSTOP, and SIGCONT to who still lives."""
    with ExitStack() as stack:
        for process in processes:
            process.suspend()
            stack.callback(_go_on, process)
        yield


def _go_on(process: psutil.Process) -> None:
    if process.is_running():
        process.resume()


@contextmanager
def _through(proxy: Proxy, way: Way) -> Iterator[None]:
    proxy.set(way)
    try:
        yield
    finally:
        proxy.set(Way.OPEN)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Another process holds SQLite's one write lock; readers read."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.kill()


def _postmaster(world: World) -> psutil.Process:
    folder = Path(str(world.engine.url.query["host"]))
    return psutil.Process(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]))


@contextmanager
def _killed_postgres(world: World) -> Iterator[None]:
    """SIGKILL to all of it; started again as it was, it recovers from its log."""
    postmaster = _postmaster(world)
    command, user = postmaster.cmdline(), postmaster.uids().real
    family = postmaster.children(recursive=True)
    for process in (postmaster, *family):
        process.kill()
    psutil.wait_procs(family, 10)
    os.waitpid(postmaster.pid, 0)  # as long as its id exists, another one does not start
    try:
        yield
    finally:
        nobody = subprocess.DEVNULL
        again = subprocess.Popen(
            command, user=user, extra_groups=[], cwd=world.folder, stdin=nobody, stdout=nobody, stderr=nobody
        )
        world.on_leaving.append(lambda: _end(again))
        wait_until(lambda: _answers(world), 30)


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(signal.SIGQUIT)
    server.wait(10)


def _answers(world: World) -> bool:
    try:
        psycopg.connect(world.engine.url.set(drivername="postgresql").render_as_string()).close()
    except psycopg.OperationalError:
        return False
    return True
