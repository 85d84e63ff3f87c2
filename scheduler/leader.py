"""Two schedulers may run, one leads: a lease in SQL, on the database's clock, with a token per new leader."""

from typing import Final

import structlog
from sqlalchemy import Engine, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.report import Report
from shared.clock import Clock
from shared.db.tables import leases
from watchkeeper.clock import db_now

log = structlog.get_logger()

LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 4.0
_NAME: Final = "scheduler"


class Leader:
    """`leading` is true only while the lease last taken or renewed is surely still ours."""

    def __init__(self, engine: Engine, *, holder: str, clock: Clock) -> None:
        self._engine = engine
        self._holder = holder
        self._clock = clock
        self._until = float("-inf")
        self.token = 0

    @property
    def leading(self) -> bool:
        """May the parts act now? Judged on the monotonic clock, with a margin of one renewal."""
        return self._clock.monotonic() < self._until

    def run_once(self, now_ms: int) -> Report:
        """Take or renew the lease."""
        begun = self._clock.monotonic()
        was_leading = self.leading
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        expires = db_now() + int(LEASE_SECONDS * 1000)
        statement = insert(leases).values(name=_NAME, holder=self._holder, token=1, expires_at=expires)
        free = or_(
            leases.c.expires_at < db_now(),
            # No lease is that long: the database's clock stepped back, and the holder has not renewed since.
            leases.c.expires_at > db_now() + int(2 * LEASE_SECONDS * 1000),
            leases.c.holder == self._holder,
        )
        with self._engine.begin() as connection:
            before = connection.execute(select(leases.c.holder).where(leases.c.name == _NAME)).scalar_one_or_none()
            row = connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["name"],
                    set_={
                        "holder": self._holder,
                        "token": leases.c.token + int(before != self._holder),
                        "expires_at": expires,
                    },
                    where=free,
                ).returning(leases.c.token)
            ).first()
        if row is None:
            self._until = float("-inf")
            return Report()
        self.token = row.token
        self._until = begun + LEASE_SECONDS - RENEW_SECONDS
        if not was_leading:
            log.info("scheduler.leading", token=self.token)
        return Report({"renewed": 1})

    def resign(self) -> None:
        """Let another one lead at once."""
        self._until = float("-inf")
        with self._engine.begin() as connection:
            connection.execute(
                update(leases)
                .where(and_(leases.c.name == _NAME, leases.c.holder == self._holder))
                .values(expires_at=0)
            )
