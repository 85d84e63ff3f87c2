"""An installation with real stores, and its command line run as a person would."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from redis import Redis

from tests.configured import MASTER_KEY
from tests.console.command_line import CommandLine
from watchkeeper.engine import build_engine


@pytest.fixture
def wk(database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """The command line of an installation on either database, with no provider configured yet."""
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "WATCHKEEPER_MASTER_KEY": MASTER_KEY,
        "WATCHKEEPER_HOME": str(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    engine = build_engine(database_url, application_name="test")
    with Redis.from_url(redis_url, decode_responses=True) as client:
        yield CommandLine(engine, client, monkeypatch)
    engine.dispose()
    structlog.reset_defaults()
