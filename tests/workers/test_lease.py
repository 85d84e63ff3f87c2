"""A worker starts something new only while it is surely believed alive."""

import asyncio

import pytest

from shared.settings import DEAD_AFTER_SECONDS, LEASE_SECONDS
from tests.moved_clock import MovedClock
from tests.rows import Rows
from tests.waiting import wait_until
from watchkeeper.engine import build_engine
from workers.journal.writer import JournalWriter
from workers.lease import Fenced, Lease, keep_alive
from workers.vitals import VitalSigns


def starting(lease: Lease) -> "asyncio.Task[None]":
    """Somebody who asks whether they may start."""
    return asyncio.ensure_future(lease.may_start())


async def settled() -> None:
    """Let everything that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_worker_stops_starting_before_others_may_take_its_jobs() -> None:
    assert LEASE_SECONDS < DEAD_AFTER_SECONDS


async def test_before_the_first_heartbeat_nothing_starts() -> None:
    lease = Lease(MovedClock())
    asking = starting(lease)
    await settled()
    assert not asking.done()
    lease.renew(1000.0)
    await asking


async def test_a_lease_counts_from_the_beginning_of_the_heartbeat_not_from_its_end() -> None:
    clock = MovedClock()
    lease = Lease(clock)
    begun = clock.monotonic()
    clock.move(LEASE_SECONDS - 1)  # the database took that long
    lease.renew(begun)
    await lease.may_start()

    clock.move(1)
    asking = starting(lease)
    await settled()
    assert not asking.done()

    lease.renew(clock.monotonic())
    await asking


async def test_a_late_renewal_that_is_over_already_lets_nobody_start() -> None:
    clock = MovedClock()
    lease = Lease(clock)
    asking = starting(lease)
    await settled()
    lease.renew(clock.monotonic() - LEASE_SECONDS)
    await settled()
    assert not asking.done()
    lease.renew(clock.monotonic())
    await asking


async def test_a_fenced_worker_starts_nothing_any_more() -> None:
    lease = Lease(MovedClock())
    waiting = starting(lease)
    await settled()
    lease.fence()
    for asking in (waiting, starting(lease)):
        with pytest.raises(Fenced):
            await asking


async def test_heartbeats_renew_the_lease_until_the_worker_is_given_up(sqlite_url: str) -> None:
    engine = build_engine(sqlite_url)
    rows = Rows(engine)
    rows.incarnation("A", heartbeat=0)
    writer = JournalWriter(sqlite_url)
    writer.start()
    clock = MovedClock()
    lease = Lease(clock)
    told: list[str] = []

    def beat() -> "asyncio.Task[None]":
        return asyncio.ensure_future(
            keep_alive(
                writer=writer,
                lease=lease,
                clock=clock,
                incarnation="A",
                running=lambda: 3,
                generation=lambda: 9,
                fenced=lambda: told.append("fenced"),
                swapped=asyncio.Event(),
                vitals=VitalSigns(clock),
                jobs_done=lambda: 7,
                draining=lambda: False,
            )
        )

    beating = beat()
    await lease.may_start()
    (alive,) = rows.alive()
    assert (alive["heartbeat"], alive["running"], alive["generation"]) == (1, 3, 9)
    assert (alive["jobs_done"], alive["state"]) == (7, "ready")
    assert alive["rss_mb"] > 0 and alive["connections"] >= 0 and alive["loop_lag_ms"] >= 0
    beating.cancel()

    rows.change_incarnation("A", ended_at=1)
    await beat()
    assert told == ["fenced"]
    assert lease.fenced
    assert await asyncio.to_thread(writer.close, 10)
    wait_until(beating.cancelled)
    engine.dispose()
