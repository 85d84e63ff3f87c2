"""Jobs that wait for keys, made due: something changed that they may have waited for."""

from sqlalchemy import Connection, and_, or_, update

from shared.db.tables import jobs
from watchkeeper.clock import db_now
from watchkeeper.states import JobState


def make_due(connection: Connection) -> int:
    """Let parked jobs, and waiting ones that gave way in an outage, be looked at now; how many they are.

    A job that waits because its backend asked for a later start has never given way, and goes on waiting.
    """
    gave_way = and_(jobs.c.state == JobState.WAITING, jobs.c.yields > 0)
    return connection.execute(
        update(jobs)
        .where(
            or_(jobs.c.state == JobState.PARKED, gave_way),
            or_(jobs.c.run_after.is_(None), jobs.c.run_after > db_now()),
        )
        .values(run_after=db_now())
    ).rowcount
