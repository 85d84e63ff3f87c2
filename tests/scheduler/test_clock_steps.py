"""The database's clock steps back by an hour: set right, or another server took over. Nothing waits for that hour."""

from redis import Redis
from sqlalchemy import Engine, update

from scheduler.leader import LEASE_SECONDS, Leader
from scheduler.stager import Stager
from shared.db.tables import jobs, leases
from tests.moved_clock import MovedClock
from tests.rows import Rows
from watchkeeper.contract import WAKE_QUEUE

HOUR_MS = 3_600_000


def step_back(engine: Engine) -> None:
    """All that was written before is from the future now."""
    with engine.begin() as connection:
        connection.execute(update(leases).values(expires_at=leases.c.expires_at + HOUR_MS))
        connection.execute(update(jobs).values(woken_at=jobs.c.woken_at + HOUR_MS))


def test_a_lost_wake_up_is_sent_again(engine: Engine, rows: Rows, client: Redis) -> None:
    (job_id,) = rows.enqueue()
    stager = Stager(engine, client)
    stager.run_once(0)
    client.zrem(WAKE_QUEUE, job_id)
    step_back(engine)

    assert stager.run_once(0).did["woken"] == 1
    assert client.zrange(WAKE_QUEUE, 0, -1) == [job_id]
    client.zrem(WAKE_QUEUE, job_id)
    assert stager.run_once(0).did["woken"] == 0  # it has its time again


def test_the_lease_of_a_leader_that_died_is_free(engine: Engine, clock: MovedClock) -> None:
    first, second = Leader(engine, holder="A", clock=clock), Leader(engine, holder="B", clock=clock)
    assert first.run_once(0)
    step_back(engine)
    assert second.run_once(0)
    assert (second.leading, second.token) == (True, first.token + 1)


def test_a_clock_that_is_slewed_deposes_nobody(engine: Engine, clock: MovedClock) -> None:
    first, second = Leader(engine, holder="A", clock=clock), Leader(engine, holder="B", clock=clock)
    assert first.run_once(0)
    with engine.begin() as connection:
        connection.execute(update(leases).values(expires_at=leases.c.expires_at + int(LEASE_SECONDS * 500)))
    assert not second.run_once(0)


def test_a_wipe_of_redis_before_the_step_is_over_and_done_with(engine: Engine, rows: Rows, client: Redis) -> None:
    rows.enqueue()
    stager = Stager(engine, client)
    stager.run_once(0)  # Redis was empty: everything before this is lost
    stager._lost_before_ms += HOUR_MS
    step_back(engine)
    stager.run_once(0)
    before = rows.all_jobs()[0]["woken_at"]
    for _ in range(3):
        stager.run_once(0)
    assert rows.all_jobs()[0]["woken_at"] == before
