"""A database that refuses a heartbeat for a while (restored, migrated, rights taken) does not silence a worker."""

import asyncio

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from shared.clock import SystemClock
from tests.rows import Rows
from tests.workers.router.station import eventually
from watchkeeper.engine import build_engine
from workers.journal.writer import JournalWriter
from workers.lease import Lease, keep_alive
from workers.vitals import VitalSigns


async def test_heartbeats_go_on_once_they_are_taken_again(database_url: str) -> None:
    engine = build_engine(database_url)
    rows = Rows(engine)
    rows.incarnation("A", heartbeat=0)
    writer = JournalWriter(database_url)
    writer.start()
    lease, clock = Lease(SystemClock()), SystemClock()
    beating = asyncio.ensure_future(
        keep_alive(
            writer=writer,
            lease=lease,
            clock=clock,
            incarnation="A",
            running=lambda: 0,
            generation=lambda: 1,
            fenced=lambda: pytest.fail("nobody gave it up"),
            swapped=(again := asyncio.Event()),
            vitals=VitalSigns(clock),
            jobs_done=lambda: 0,
            draining=lambda: False,
        )
    )
    await eventually(lambda: lease.valid)

    with capture_logs() as logs:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE incarnations RENAME TO elsewhere"))
        again.set()
        await eventually(lambda: any(entry["event"] == "worker.heartbeat_refused" for entry in logs))
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO incarnations"))
        before = rows.alive()[0]["heartbeat"]
        await eventually(lambda: rows.alive()[0]["heartbeat"] > before)

    assert not beating.done()
    beating.cancel()
    assert await asyncio.to_thread(writer.close, 10)
    engine.dispose()
