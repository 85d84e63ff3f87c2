"""What a supervisor that was killed could not write any more."""

from sqlalchemy import Engine, update

from shared.db.tables import incarnations, supervisors
from watchkeeper.clock import db_now


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
