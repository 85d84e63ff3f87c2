"""An installation as in production: PostgreSQL, an external Valkey, real processes; the sandbox is the provider."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from redis import Redis
from sqlalchemy import select, update

from sandbox.control import SandboxControl
from shared.db.reading import reading
from shared.db.tables import agents, leases
from tests.configured import MASTER_KEY
from tests.processes import Processes, Running
from tests.rows import Rows
from tests.sandbox_fixture import start_sandbox
from tests.servers import run_valkey
from tests.stores import PostgresServer
from tests.waiting import wait_until
from watchkeeper import Client, Job
from watchkeeper.clock import db_now
from watchkeeper.engine import build_engine
from watchkeeper.states import JobState

GROQ_KEYS = ("gsk_e2e_secret_of_the_first_key_01", "gsk_e2e_secret_of_the_second_key_02")


@dataclass(frozen=True, slots=True)
class House:
    """One installation and the means to look into it from outside."""

    database_url: str
    redis_url: str
    sandbox_url: str
    processes: Processes
    rows: Rows
    redis: Redis
    sandbox: SandboxControl
    client: Client

    def scheduler(self, **environ: str) -> Running:
        """A scheduler that leads and has published what it found."""
        running = self.processes.room("scheduler", **environ)
        running.says("scheduler.ready")
        wait_until(self._led)
        return running

    def worker(self, **environ: str) -> Running:
        """A worker whose heart beats."""
        running = self.processes.room("workers", "--single", **environ)
        wait_until(lambda: self._beats(running.pid) or running.popen.poll() is not None, 60)
        assert running.popen.poll() is None, running.output()
        return running

    def holder(self, job_id: str) -> int | None:
        """The process that has the job in its hands."""
        claimed_by = self.rows.job(job_id)["claimed_by"]
        return next((row["pid"] for row in self.rows.alive() if row["id"] == claimed_by), None)

    def done(self, job_id: str, timeout: float = 60.0) -> Job:
        """The job, completed."""
        job = self.client.wait(job_id, timeout)
        assert job.state is JobState.COMPLETED, (job, self.processes.output())
        return job

    def llm_requests(self) -> list[int]:
        """How many messages each request to the provider held, in the order they came."""
        return [entry.messages for entry in self.sandbox.log() if entry.model is not None]

    def change_agent(self, **values: Any) -> None:
        """Set columns of the agent `default`, before the scheduler publishes."""
        with self.rows.engine.begin() as connection:
            connection.execute(update(agents).where(agents.c.name == "default").values(**values))

    def _led(self) -> bool:
        with reading(self.rows.engine) as connection:
            return connection.execute(select(leases.c.expires_at > db_now())).scalar() is True

    def _beats(self, pid: int) -> bool:
        return any(row["pid"] == pid and row["heartbeat"] > 0 for row in self.rows.alive())


@contextmanager
def open_house(server: PostgresServer, folder: Path, **environ: str) -> Iterator[House]:
    """An installation in which nothing runs yet."""
    name = f"house_{uuid4().hex}"
    server.execute("CREATE DATABASE {} TEMPLATE watchkeeper_template", name)
    with ExitStack() as stack:
        stack.callback(server.execute, "DROP DATABASE {} WITH (FORCE)", name)
        database_url = server.url_of(name)
        redis_url = stack.enter_context(run_valkey())
        sandbox_url = stack.enter_context(start_sandbox())
        engine = build_engine(database_url)
        stack.callback(engine.dispose)
        given = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "WATCHKEEPER_MASTER_KEY": MASTER_KEY,
            "WATCHKEEPER_WORKER_THREADS": "20",
            "WATCHKEEPER_LOG_LEVEL": "debug",
            "GROQ_API_BASE": sandbox_url + "/v1",
            **{f"GROQ_API_KEY_{number}": key for number, key in enumerate(GROQ_KEYS, start=1)},
        }
        yield House(
            database_url,
            redis_url,
            sandbox_url,
            stack.enter_context(Processes(folder, {**given, **environ})),
            Rows(engine),
            stack.enter_context(Redis.from_url(redis_url)),
            stack.enter_context(SandboxControl(sandbox_url)),
            stack.enter_context(Client(database_url, redis_url)),
        )
