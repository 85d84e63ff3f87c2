"""Nothing begins whose outcome could not be stored."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url

from tests.moved_clock import MovedClock
from tests.waiting import wait_until
from tests.workers.journal.test_writer import Pause
from workers.journal.writer import BROKEN_OFF_SECONDS, STALLED_SECONDS, JournalWriter
from workers.lease import Fenced, Lease
from workers.starting import Nothing, Starting


@pytest.fixture
def clock() -> MovedClock:
    """Moved by hand."""
    return MovedClock()


@pytest.fixture
async def writer(database_url: str, clock: MovedClock) -> AsyncIterator[JournalWriter]:
    """Stands on the moved clock."""
    writer = JournalWriter(database_url, clock)
    writer.start()
    yield writer
    assert await asyncio.to_thread(writer.close, 10)


@pytest.fixture
def starting(writer: JournalWriter, clock: MovedClock) -> Starting:
    """A worker that others believe alive."""
    lease = Lease(clock)
    lease.renew(clock.monotonic() + 1000)
    return Starting(lease, writer)


async def test_a_database_that_has_not_answered_for_a_second_holds_up_what_is_new(
    starting: Starting, writer: JournalWriter, clock: MovedClock
) -> None:
    pause = Pause()
    hanging = asyncio.ensure_future(writer.do(pause))
    await asyncio.to_thread(pause.reached.wait, 10)
    assert starting.open
    await starting.wait()

    clock.move(STALLED_SECONDS + 0.1)
    asking = asyncio.ensure_future(starting.wait())
    await asyncio.sleep(0)
    assert not starting.open
    assert not asking.done()

    pause.go_on.set()
    await asking
    await hanging
    assert starting.open


async def test_an_outage_holds_up_what_is_new_until_sql_stores_again(sqlite_url: str) -> None:
    writer = JournalWriter(sqlite_url)
    writer.start()
    lease = Lease(MovedClock())
    lease.renew(1000.0)
    starting = Starting(lease, writer)
    other = sqlite3.connect(make_url(sqlite_url).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(writer.do(Nothing()))
    await asyncio.to_thread(wait_until, writer.outage.is_set)

    asking = asyncio.ensure_future(starting.wait())
    await asyncio.sleep(0)
    assert not asking.done()
    other.execute("ROLLBACK")
    other.close()

    await asking
    await waiting
    assert starting.open
    assert await asyncio.to_thread(writer.close, 10)


async def test_who_was_stopped_past_its_lease_finds_the_door_closed(
    starting: Starting, clock: MovedClock, writer: JournalWriter
) -> None:
    await starting.wait()
    clock.move(2000)
    assert not starting.open
    starting.lease.fence()
    with pytest.raises(Fenced):
        await starting.wait()


async def test_a_connection_that_stays_silent_is_given_up_and_its_operation_done_on_a_new_one(
    postgres_url: str, clock: MovedClock
) -> None:
    writer = JournalWriter(postgres_url, clock)
    writer.start()
    await writer.do(Nothing())
    pause = Pause()
    hanging = asyncio.ensure_future(writer.do(pause))
    await asyncio.to_thread(pause.reached.wait, 10)
    watching = asyncio.ensure_future(writer.watch())

    silent = writer._database
    clock.move(BROKEN_OFF_SECONDS + 1)
    async with asyncio.timeout(10):
        while writer._busy_seconds() > BROKEN_OFF_SECONDS:
            await asyncio.sleep(0.01)
    pause.go_on.set()

    await hanging
    assert writer._database is not silent
    watching.cancel()
    assert await asyncio.to_thread(writer.close, 10)
