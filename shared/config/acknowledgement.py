"""Waiting until every live worker runs on a published generation, or naming those that do not."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, select

from shared.config.publishing import newest_generation
from shared.db.reading import reading
from shared.db.tables import incarnations
from shared.settings import DEAD_AFTER_SECONDS
from watchkeeper.clock import db_now

PATIENCE_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Late:
    """A live worker that has not said it uses the new generation; `generation` is the last one it named."""

    host: str
    pid: int
    generation: int

    def __str__(self) -> str:
        return f"{self.host}/{self.pid} (generation {self.generation})"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """How far a generation has come. `workers` are the live ones; `ms` is how long it was waited for."""

    generation: int
    workers: int
    late: tuple[Late, ...]
    ms: int


def await_acknowledgement(
    engine: Engine,
    generation: int,
    *,
    seconds: float = PATIENCE_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Acknowledgement:
    """Return once all live workers acknowledged `generation` (or a later one), after `seconds` at the latest."""
    begun = monotonic()
    while True:
        with reading(engine) as connection:
            workers, late = look(connection, generation)
        waited = monotonic() - begun
        if not late or waited >= seconds:
            return Acknowledgement(generation, workers, tuple(late), round(waited * 1000))
        time.sleep(_LOOK_SECONDS)


def look(connection: Connection, generation: int) -> tuple[int, list[Late]]:
    """How many live workers there are, and who of them is late.

    One that has not named a generation yet is starting: it makes no attempt before its first heartbeat, and reads the
    newest generation before every attempt. It counts as live and not as late.
    """
    newest = newest_generation(connection)
    rows = connection.execute(
        select(incarnations.c.host, incarnations.c.pid, incarnations.c.generation)
        .where(
            incarnations.c.ended_at.is_(None),
            incarnations.c.heartbeat_at > db_now() - int(DEAD_AFTER_SECONDS * 1000),
        )
        .order_by(incarnations.c.host, incarnations.c.pid)
    ).all()
    late = [
        Late(row.host, row.pid, row.generation)
        for row in rows
        # A number above the newest is left over from before the database was restored.
        if row.generation is not None and not generation <= row.generation <= newest
    ]
    return len(rows), late
