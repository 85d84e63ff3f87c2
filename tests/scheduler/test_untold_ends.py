"""Ends that SQL could not be told of while it was away: the scheduler tells it, once, whatever became of Redis."""

import pytest
from redis import Redis
from sqlalchemy import Engine

from scheduler.rescuer import Rescuer
from scheduler.untold_ends import UntoldEnds
from shared.redis.names import UNTOLD
from shared.supervision.untold import KEPT_SECONDS, Untold, leave_untold
from tests.moved_clock import MovedClock
from tests.rows import Rows
from watchkeeper.engine import build_engine
from watchkeeper.states import JobState

NOW = 0


def test_the_jobs_of_one_that_could_not_say_that_it_ended_go_back_at_once(
    engine: Engine, rows: Rows, client: Redis, clock: MovedClock
) -> None:
    for name in ("A", "B", "lives"):
        rows.incarnation(name)
    (job_id,) = rows.enqueue(state=JobState.RUNNING, claimed_by="A", claim_token=1)
    leave_untold(client, [Untold("A", "stopped"), Untold("B", "killed by signal 9 (SIGKILL)", crashed=True)])
    assert 0 < int(client.ttl(UNTOLD)) <= KEPT_SECONDS  # type: ignore[arg-type]

    assert UntoldEnds(engine, client).run_once(NOW).did == {"told": 2}
    assert Rescuer(engine, client, clock).run_once(NOW).did["rescued"] == 1

    assert rows.job(job_id)["state"] == "queued"
    assert {(row["id"], row["ended_why"], row["crashed"]) for row in rows.ended()} == {
        ("A", "stopped", False),
        ("B", "killed by signal 9 (SIGKILL)", True),
    }
    assert [row["id"] for row in rows.alive()] == ["lives"]
    assert not client.exists(UNTOLD)
    assert not UntoldEnds(engine, client).run_once(NOW)


def test_what_sql_knew_before_stays_and_what_is_no_end_is_forgotten(
    engine: Engine, rows: Rows, client: Redis
) -> None:
    rows.incarnation("A", ended_at=5, ended_why="heartbeat stood still")
    leave_untold(client, [Untold("A", "stopped")])
    client.hset(UNTOLD, mapping={"B": "{", "C": "[]", "D": '{"why": "stopped"}', "E": "[" * 100_000})

    assert not UntoldEnds(engine, client).run_once(NOW)

    (known,) = rows.ended()
    assert (known["ended_at"], known["ended_why"]) == (5, "heartbeat stood still")
    assert not client.exists(UNTOLD)


def test_what_is_no_text_is_forgotten_too(engine: Engine, client: Redis) -> None:
    client.hset(UNTOLD, "A", b"\xff\xfe")
    assert not UntoldEnds(engine, client).run_once(NOW)
    assert not client.exists(UNTOLD)


def test_nothing_is_forgotten_before_sql_has_it_and_redis_away_is_no_fault(
    engine: Engine, rows: Rows, client: Redis, away: Redis, tmp_path: str
) -> None:
    rows.incarnation("A")
    leave_untold(client, [Untold("A", "stopped")])
    empty = build_engine(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(Exception, match="no such table"):
        UntoldEnds(empty, client).run_once(NOW)
    empty.dispose()
    assert not UntoldEnds(engine, away).run_once(NOW)
    assert client.exists(UNTOLD)
    assert UntoldEnds(engine, client).run_once(NOW).did == {"told": 1}
