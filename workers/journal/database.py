"""Statements written once in SQLAlchemy Core, run as prepared text on the bare driver.

The writer's statements are few and hot; compiling them once and skipping the ORM's execution layer saves about
two thirds of a statement's CPU (bench/RESULTS.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

Row = Mapping[str, Any]
Parameters = Mapping[str, Any]


class Prepared:
    """A statement's text for one dialect, with the values it binds by itself."""

    __slots__ = ("constants", "text")

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self.constants = {name: value for name, value in compiled.params.items() if value is not None}


class Database(Protocol):
    """One private connection of the writer thread."""

    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...
    def rows(self, statement: Prepared, parameters: Parameters) -> list[Row]: ...
    def run(self, statement: Prepared, parameters: Parameters) -> int: ...
    def run_many(self, statement: Prepared, parameters: Sequence[Parameters]) -> None: ...

    def interrupt(self) -> None:
        """Have what runs on it fail at once. From another thread: whoever waits for an answer cannot ask."""
        ...

    def is_outage(self, error: Exception) -> bool:
        """True when the database is away or busy: the same batch may succeed later."""
        ...

    def is_conflict(self, error: Exception) -> bool:
        """True when a unique rule refused one row."""
        ...

    def is_deadlock(self, error: Exception) -> bool:
        """True when a batch and another process waited for each other's rows: row by row it works."""
        ...

    def is_locked(self, error: Exception) -> bool:
        """True when somebody holds one of the rows, perhaps a worker that was stopped in mid-transaction."""
        ...
