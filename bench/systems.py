"""What is measured, started for real: our processes, and the peer's, each on stores of its own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import Engine, Select, func, select

from shared.db.migrate import migrate
from shared.db.reading import reading
from shared.db.tables import incarnations, supervisors
from shared.supervision.orders import Order, send_order
from tests.sandbox_fixture import start_sandbox
from tests.servers import run_postgres, run_valkey
from watchkeeper.client import Client
from watchkeeper.contract import WAKE_QUEUE, jobs, wake_score
from watchkeeper.engine import build_engine

__all__ = ["Ours", "Peer", "our_worker", "ours", "peer", "start_sandbox", "until"]


@dataclass(frozen=True)
class Ours:
    """Scheduler and workers, ready."""

    engine: Engine
    client: Client
    redis_url: str
    workers: "list[subprocess.Popen[bytes]]"
    environ: dict[str, str]
    log: Path | None = None
    """What the supervisor and its workers write, when they are supervised."""

    @property
    def pids(self) -> list[int]:
        """The workers' process ids; the supervisor's, when they are supervised."""
        return [worker.pid for worker in self.workers]

    def count(self, *conditions: object) -> int:
        """Jobs for which `conditions` hold."""
        return self._scalar(select(func.count()).select_from(jobs).where(*conditions))  # type: ignore[arg-type]

    def completed(self) -> int:
        """Jobs with their final answer."""
        return self.count(jobs.c.state == "completed")

    def unfinished(self) -> int:
        """Jobs without their final answer; its cost does not grow with those that have it."""
        return self.count(jobs.c.state.in_(("queued", "running", "waiting", "parked")))

    def put(self, number: int) -> None:
        """Accept `number` jobs in one transaction and wake them."""
        with self.engine.begin() as connection:
            ids = [
                self.client.enqueue("default", f"question {index}", connection=connection).id
                for index in range(number)
            ]
        with redis.Redis.from_url(self.redis_url) as store:
            for start in range(0, number, 500):
                store.zadd(WAKE_QUEUE, {job: wake_score(1, start) for job in ids[start : start + 500]}, nx=True)

    def workers_ready(self, number: int) -> bool:
        """True once that many wrote a heartbeat."""
        return self._scalar(select(func.count()).where(incarnations.c.heartbeat > 0)) >= number

    def live(self) -> list[str]:
        """The incarnations that take jobs, the oldest first."""
        own = incarnations.c
        ready = select(own.id).where(own.heartbeat > 0, own.state == "ready", own.ended_at.is_(None))
        with reading(self.engine) as connection:
            return list(connection.execute(ready.order_by(own.started_at)).scalars())

    def order(self, order: Order) -> None:
        """Ask the supervisor."""
        with reading(self.engine) as connection:
            supervisor = connection.execute(select(supervisors.c.id)).scalar_one()
        with redis.Redis.from_url(self.redis_url) as client:
            send_order(client, supervisor, order)

    def _scalar(self, statement: Select[int]) -> int:
        with self.engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
            return int(connection.execute(statement).scalar_one())


@contextmanager
def ours(
    sandbox_url: str, database: str, *, processes: int, threads: int, supervised: bool = False
) -> Iterator[Ours]:
    """Our system on fresh stores, `processes` workers of `threads` slots each; `supervised`: as in production."""
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        redis_url = stack.enter_context(run_valkey())
        postgres = database == "postgresql"
        database_url = stack.enter_context(run_postgres()) if postgres else f"sqlite:///{home}/bench.db"
        environ = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "WATCHKEEPER_HOME": home,
            "WATCHKEEPER_MASTER_KEY": "d2F0Y2hrZWVwZXItYmVuY2gta2V5LTMyLWJ5dGVzISE=",
            "WATCHKEEPER_WORKER_THREADS": str(threads),
            "SANDBOX_API_BASE": f"{sandbox_url}/openai/v1",
            **{f"SANDBOX_API_KEY_{number}": f"sandbox-bench-{number}" for number in (1, 2, 3)},
        }
        engine = build_engine(database_url)
        stack.callback(engine.dispose)
        migrate(engine)
        stack.enter_context(_process([sys.executable, "-P", "-m", "scheduler"], environ))
        log = Path(home) / "supervisor.log" if supervised else None
        if log is not None:
            environ |= {"WATCHKEEPER_WORKER_PROCESSES": str(processes), "WATCHKEEPER_LOG_FORMAT": "json"}
            workers = [stack.enter_context(_process([sys.executable, "-P", "-m", "workers"], environ, log))]
        else:
            workers = [stack.enter_context(our_worker(environ)) for _ in range(processes)]
        client = stack.enter_context(Client(database_url, redis_url))
        system = Ours(engine, client, redis_url, workers, environ, log)
        until(lambda: _none_ended(workers) and system.workers_ready(processes))
        yield system


def _none_ended(workers: "list[subprocess.Popen[bytes]]") -> bool:
    for worker in workers:
        if worker.poll() is not None:
            raise RuntimeError(f"a worker ended with code {worker.returncode} before it was ready")
    return True


def our_worker(environ: Mapping[str, str]) -> "AbstractContextManager[subprocess.Popen[bytes]]":
    """One more worker of the installation that `environ` describes."""
    return _process([sys.executable, "-P", "-m", "workers", "--single"], environ)


@dataclass(frozen=True)
class Peer:
    """dramatiq's own command running bench.peer; `pids` is its parent process."""

    broker: RedisBroker
    redis_url: str
    pids: list[int]

    def put(self, number: int) -> None:
        """Enqueue `number` questions."""
        for index in range(number):
            self.broker.enqueue(dramatiq.Message("peer", "ask", (f"question {index}",), {}, {}))


@contextmanager
def peer(sandbox_url: str, *, tuned: bool, processes: int, threads: int) -> Iterator[Peer]:
    """The peer on a fresh Redis."""
    with run_valkey() as redis_url:
        environ = {
            **os.environ,
            "PEER_REDIS_URL": redis_url,
            "PEER_API_BASE": f"{sandbox_url}/openai/v1",
            "PEER_TUNED": "1" if tuned else "",
        }
        broker = RedisBroker(client=redis.Redis.from_url(redis_url))
        broker.declare_queue("peer")
        command = str(Path(sys.executable).with_name("dramatiq"))
        with _process([command, "bench.peer", "-p", str(processes), "-t", str(threads)], environ) as process:
            yield Peer(broker, redis_url, [process.pid])


@contextmanager
def _process(
    command: list[str], environ: Mapping[str, str], log_path: Path | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    with log_path.open("w+b") if log_path else tempfile.NamedTemporaryFile(prefix="wk-bench-", suffix=".log") as log:
        process = subprocess.Popen(command, env=dict(environ), stdout=log, stderr=log)
        try:
            yield process
            if process.poll() not in (None, 0):  # 0: it was told to end, and did
                raise RuntimeError(f"{command} ended early: {Path(log.name).read_text()[-2000:]}")
        finally:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Return once `condition` holds.

    Raises:
        TimeoutError: it did not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the measured system did not get there in time")
        time.sleep(0.05)
