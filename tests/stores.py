"""The stores a test may ask for: real, empty, its own. SQL is filled by `create_schema`, copied from a template."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from redis import Redis

from shared.db.migrate import migrate
from tests.servers import run_postgres, run_valkey
from watchkeeper.engine import build_engine

_TEMPLATE = "watchkeeper_template"


def create_schema(url: str) -> None:
    """The service's tables in an empty database, with the agent `default` in them."""
    engine = build_engine(url)
    try:
        migrate(engine)
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running PostgreSQL; `url` names its maintenance database."""

    url: str

    def execute(self, statement: str, database: str) -> None:
        """Run a statement about `database`, which takes the place of {}."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(database)))

    def url_of(self, database: str) -> str:
        """The URL of one of its databases."""
        server, mark, query = self.url.partition("?")
        return f"{server.rpartition('/')[0]}/{database}{mark}{query}"


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """The session's one Valkey; tests take `redis_url`."""
    with ExitStack() as stack:
        yield _entered(stack, run_valkey(), "Valkey")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's one PostgreSQL with its template; tests take `postgres_url`."""
    with ExitStack() as stack:
        given = os.environ.get("WATCHKEEPER_TEST_POSTGRES", "").replace("+psycopg", "")
        server = PostgresServer(given or _entered(stack, run_postgres(), "PostgreSQL"))
        server.execute("DROP DATABASE IF EXISTS {}", _TEMPLATE)
        server.execute("CREATE DATABASE {} TEMPLATE template0", _TEMPLATE)
        create_schema(server.url_of(_TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    create_schema(f"sqlite:///{path}")
    return path


@pytest.fixture
def redis_url(valkey_server: str) -> str:
    """A Valkey that holds nothing."""
    with Redis.from_url(valkey_server) as redis:
        redis.flushall()
    return valkey_server


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite file with the schema and no jobs."""
    path = tmp_path / "watchkeeper.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database with the schema and no jobs."""
    name = f"test_{uuid4().hex}"
    postgres_server.execute(f"CREATE DATABASE {{}} TEMPLATE {_TEMPLATE}", name)
    yield postgres_server.url_of(name)
    postgres_server.execute("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each database in turn; the test runs once with either."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


def _entered(stack: ExitStack, server: AbstractContextManager[str], name: str) -> str:
    try:
        return stack.enter_context(server)
    except (OSError, SubprocessError, AssertionError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no {name} here: {error}")
