"""An installation of its own for each test that breaks it, and a running one for those that do not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.house import House, open_house
from tests.e2e.supervised import Supervised, supervise
from tests.stores import PostgresServer


@pytest.fixture
def house(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[House]:
    """Nothing runs in it yet."""
    with open_house(postgres_server, tmp_path) as house:
        yield house


@pytest.fixture(scope="module")
def inhabited(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A scheduler and two workers run in it, for all tests of a module."""
    with open_house(postgres_server, tmp_path_factory.mktemp("house")) as house:
        house.scheduler()
        house.worker()
        house.worker()
        yield house


@pytest.fixture(scope="module")
def supervised(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    """A scheduler and a supervisor with two workers, for all tests of a module: each leaves two behind."""
    with open_house(postgres_server, tmp_path_factory.mktemp("house")) as house:
        house.scheduler()
        yield supervise(house)
