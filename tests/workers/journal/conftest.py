"""A journal writer on each database, and a look at what it wrote."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.rows import Rows
from watchkeeper.engine import build_engine
from workers.journal.writer import JournalWriter


@pytest.fixture
def rows(database_url: str) -> Iterator[Rows]:
    """The database from outside the writer."""
    engine = build_engine(database_url, application_name="test")
    yield Rows(engine)
    engine.dispose()


@pytest.fixture
async def writer(database_url: str) -> AsyncIterator[JournalWriter]:
    """The writer of one worker process."""
    writer = JournalWriter(database_url)
    writer.start()
    yield writer
    assert writer.close(timeout=10)
