"""What a supervisor that was killed could not write any more: its end, and that of its workers."""

from typing import Final

import structlog
from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError

from shared.clock import Clock
from shared.db.tables import incarnations, supervisors
from watchkeeper.clock import db_now

log = structlog.get_logger()

_ORPHAN_SECONDS: Final = 4.5
"""Workers whose supervisor died end by themselves in three seconds, or are killed after four."""


class Mourning:
    """Tells SQL of dead supervisors once their workers are dead too, so that nobody need watch them stand still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    def died(self, supervisor: str) -> None:
        """It ended by itself just now."""
        self._due[supervisor] = self._clock.monotonic() + _ORPHAN_SECONDS

    def look(self, engine: Engine) -> None:
        """Tell what is due; while SQL is away it is tried again every few seconds."""
        now = self._clock.monotonic()
        for supervisor in [supervisor for supervisor, due in self._due.items() if now >= due]:
            try:
                bury_supervisor(engine, supervisor)
                del self._due[supervisor]
            except SQLAlchemyError as error:
                self._due[supervisor] = now + _ORPHAN_SECONDS
                log.warning(
                    "supervisor.death_untold", error=type(error).__name__, advice="it is told once SQL is back"
                )


def bury_supervisor(engine: Engine, supervisor: str) -> None:
    """End it and its workers in SQL. No job is to blame for its workers' end: none of them counts as crashed.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: SQL does not answer; nothing was written.
    """
    why = "its supervisor died"
    with engine.begin() as connection:
        connection.execute(
            update(incarnations)
            .where(incarnations.c.supervisor == supervisor, incarnations.c.ended_at.is_(None))
            .values(ended_at=db_now(), ended_why=why, running=0)
        )
        connection.execute(
            update(supervisors)
            .where(supervisors.c.id == supervisor, supervisors.c.ended_at.is_(None))
            .values(ended_at=db_now(), ended_why="it died")
        )
