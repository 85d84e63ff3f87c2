"""Durable jobs per CPU second, beside a plain dramatiq actor with litellm.Router, in one run."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import Engine, func, select

from bench.cpu import cpu_seconds
from sandbox.control import SandboxControl
from shared.db.migrate import migrate
from shared.db.tables import incarnations
from tests.sandbox_fixture import start_sandbox
from tests.servers import run_postgres, run_valkey
from watchkeeper.client import Client
from watchkeeper.contract import WAKE_QUEUE, jobs, wake_score
from watchkeeper.engine import build_engine

PROCESSES = 2
THREADS = 256
WARMUP = 400


@dataclass(frozen=True)
class Measured:
    """One variant's figures; CPU is of the worker processes only."""

    name: str
    jobs: int
    seconds: float
    cpu: float

    @property
    def per_cpu_second(self) -> float:
        return self.jobs / self.cpu

    def line(self) -> str:
        return (
            f"{self.name:<44} {self.jobs / self.seconds:8.0f} jobs/s  {self.per_cpu_second:7.0f} jobs/CPU s  "
            f"{1000 * self.cpu / self.jobs:5.2f} CPU ms/job"
        )


def run(count: int, delays: tuple[float, ...], databases: tuple[str, ...]) -> None:
    """Measure every variant and print the ratios."""
    with start_sandbox() as url, SandboxControl(url) as control:
        for delay in delays:
            control.set_default("ok", delay_seconds=delay)
            plain = peer(url, count, tuned=False)
            tuned = peer(url, count, tuned=True)
            ours = [durable(url, count, database) for database in databases]
            print(f"\nprovider answers after {delay:g} s; {PROCESSES} processes x {THREADS} threads; {count} jobs")
            for measured in (plain, tuned, *ours):
                print("  " + measured.line())
            for measured in ours:
                ratios = [measured.per_cpu_second / base.per_cpu_second for base in (plain, tuned)]
                print(
                    f"  {measured.name}: {ratios[0]:.2f} x plain (goal 2.0: {_judge(ratios[0], 2.0)}), "
                    f"{ratios[1]:.2f} x tuned (goal 1.6: {_judge(ratios[1], 1.6)})"
                )


def _judge(ratio: float, goal: float) -> str:
    return "reached" if ratio >= goal else "MISSED"


def peer(url: str, count: int, *, tuned: bool) -> Measured:
    """The peer's figures."""
    name = "dramatiq + litellm.Router" + (", uvloop, rare checks" if tuned else "")
    with run_valkey() as redis_url, SandboxControl(url) as control:
        environ = {
            **os.environ,
            "PEER_REDIS_URL": redis_url,
            "PEER_API_BASE": f"{url}/openai/v1",
            "PEER_TUNED": "1" if tuned else "",
        }
        broker = RedisBroker(client=redis.Redis.from_url(redis_url))
        broker.declare_queue("peer")
        command = ["dramatiq", "bench.peer", "-p", str(PROCESSES), "-t", str(THREADS)]
        with _process([str(Path(sys.executable).with_name(command[0])), *command[1:]], environ) as process:

            def put(number: int) -> None:
                for index in range(number):
                    broker.enqueue(dramatiq.Message("peer", "ask", (f"question {index}",), {}, {}))

            def answered() -> int:
                return int(control.calls()["total"])

            before = answered()
            put(WARMUP)
            _until(lambda: answered() >= before + WARMUP)
            time.sleep(2.0)
            return _timed(name, [process.pid], count, lambda: put(count), answered)


def durable(url: str, count: int, database: str) -> Measured:
    """Our figures: every job claimed, journaled and finished in `database`."""
    with _stores(database) as (database_url, redis_url), tempfile.TemporaryDirectory() as home:
        environ = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "WATCHKEEPER_HOME": home,
            "WATCHKEEPER_MASTER_KEY": "d2F0Y2hrZWVwZXItYmVuY2gta2V5LTMyLWJ5dGVzISE=",
            "WATCHKEEPER_WORKER_THREADS": str(THREADS),
            "WATCHKEEPER_LOG_LEVEL": "warning",
            "SANDBOX_API_BASE": f"{url}/openai/v1",
            **{f"SANDBOX_API_KEY_{number}": f"sandbox-bench-{number}" for number in (1, 2, 3)},
        }
        engine = build_engine(database_url)
        migrate(engine)
        with (
            _process(_room("scheduler"), environ),
            _process(_room("workers"), environ) as one,
            _process(_room("workers"), environ) as two,
            Client(database_url, redis_url) as client,
        ):
            _until(lambda: _scalar(engine, select(func.count()).where(incarnations.c.heartbeat > 0)) == PROCESSES)

            def completed() -> int:
                return _scalar(engine, select(func.count()).where(jobs.c.state == "completed"))

            def put(number: int) -> None:
                with engine.begin() as connection:
                    ids = [
                        client.enqueue("default", f"question {index}", connection=connection).id
                        for index in range(number)
                    ]
                wake(redis_url, ids)

            put(WARMUP)
            _until(lambda: completed() >= WARMUP)
            time.sleep(1.0)
            figures = _timed(f"watchkeeper on {database}", [one.pid, two.pid], count, lambda: put(count), completed)
        engine.dispose()
        return figures


def wake(redis_url: str, ids: list[str]) -> None:
    """Send the wake-ups of stored jobs."""
    with redis.Redis.from_url(redis_url) as client:
        for start in range(0, len(ids), 500):
            client.zadd(WAKE_QUEUE, {id: wake_score(1, start) for id in ids[start : start + 500]}, nx=True)


def _timed(name: str, pids: list[int], count: int, go: object, done: object) -> Measured:
    assert callable(go) and callable(done)
    already, cpu, begun = done(), cpu_seconds(pids), time.perf_counter()
    go()
    _until(lambda: done() >= already + count)
    seconds = time.perf_counter() - begun
    time.sleep(0.3)
    return Measured(name, count, seconds, cpu_seconds(pids) - cpu)


@contextmanager
def _stores(database: str) -> Iterator[tuple[str, str]]:
    with run_valkey() as redis_url:
        if database == "postgresql":
            with run_postgres() as url:
                yield url, redis_url
        else:
            with tempfile.TemporaryDirectory() as folder:
                yield f"sqlite:///{folder}/bench.db", redis_url


@contextmanager
def _process(command: list[str], environ: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    with tempfile.NamedTemporaryFile(prefix="wk-bench-", suffix=".log") as log:
        process = subprocess.Popen(command, env=dict(environ), stdout=log, stderr=log)
        try:
            yield process
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended early: {Path(log.name).read_text()[-2000:]}")
        finally:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _room(room: str) -> list[str]:
    return [sys.executable, "-P", "-m", room]


def _scalar(engine: Engine, statement: object) -> int:
    with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
        return int(connection.execute(statement).scalar_one())  # type: ignore[call-overload]


def _until(condition: object, seconds: float = 120.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the measured system did not get there in time")
        time.sleep(0.05)
