"""A job nobody took in time fails with that reason, and whoever waits hears of it."""

from redis import Redis
from sqlalchemy import Engine

from scheduler.deadlines import Deadlines
from tests.rows import Rows
from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE
from watchkeeper.states import JobState


def test_what_is_late_fails_and_its_wake_up_goes(engine: Engine, rows: Rows, client: Redis) -> None:
    late = [
        *rows.enqueue(deadline=1),
        *rows.enqueue(deadline=1, state=JobState.WAITING),
        *rows.enqueue(deadline=1, state=JobState.PARKED),
    ]
    kept = [*rows.enqueue(), *rows.enqueue(deadline=2**53), *rows.enqueue(deadline=1, state=JobState.RUNNING)]
    client.zadd(WAKE_QUEUE, dict.fromkeys([*late, *kept], 1.0))

    report = Deadlines(engine, client).run_once(0)

    assert report.did == {"failed": 3}
    assert {(rows.job(id)["state"], rows.job(id)["error_cause"]) for id in late} == {("failed", "deadline")}
    assert {rows.job(id)["state"] for id in kept} == {"queued", "running"}
    assert sorted(str(member) for member in client.zrange(WAKE_QUEUE, 0, -1)) == sorted(kept)


def test_whoever_waits_hears_it(engine: Engine, rows: Rows, client: Redis) -> None:
    (late,) = rows.enqueue(deadline=1)
    with client.pubsub() as ear:  # type: ignore[no-untyped-call]
        ear.subscribe(DONE_CHANNEL + late)
        assert ear.get_message(timeout=5)["type"] == "subscribe"
        Deadlines(engine, client).run_once(0)
        assert ear.get_message(timeout=5)["channel"] == DONE_CHANNEL + late


def test_redis_away_fails_them_all_the_same(engine: Engine, rows: Rows, away: Redis) -> None:
    (late,) = rows.enqueue(deadline=1)
    assert Deadlines(engine, away).run_once(0)
    assert rows.job(late)["state"] == "failed"


def test_nothing_late_is_nothing_done(engine: Engine, rows: Rows, client: Redis) -> None:
    rows.enqueue(deadline=2**53)
    assert not Deadlines(engine, client).run_once(0)
