"""Reads that wait for nobody: on SQLite a plain transaction takes the write lock at once (watchkeeper.engine)."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading one consistent picture."""
    with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
        yield connection
