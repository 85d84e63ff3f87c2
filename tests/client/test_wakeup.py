"""Wake-ups while Redis goes away and comes back."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from tests.servers import run_valkey
from watchkeeper import Job, JobState, Priority
from watchkeeper.contract import WAKE_QUEUE
from watchkeeper.wakeup import Doorbell

JOB = Job(
    id="1",
    agent="default",
    state=JobState.QUEUED,
    priority=Priority.NORMAL,
    conversation_id=None,
    idempotency_key=None,
    metadata=None,
    run_after=None,
    deadline=None,
    enqueued_at=datetime.fromtimestamp(1_700_000_000, UTC),
    started_at=None,
    finished_at=None,
    steps=0,
    result=None,
    error_cause=None,
    error_message=None,
)


def test_after_a_failure_it_tries_again_every_five_seconds_until_redis_is_back(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "watchkeeper")
    clock = [0.0]
    socket = tmp_path / "s"
    doorbell = Doorbell(f"unix://{socket}", now=lambda: clock[0])
    doorbell.ring(JOB)
    clock[0] = 4.9
    doorbell.ring(JOB)
    assert len(caplog.records) == 1
    clock[0] = 5.0
    doorbell.ring(JOB)
    assert len(caplog.records) == 2

    socket.symlink_to(redis_url.removeprefix("unix://"))
    clock[0] = 9.9
    doorbell.ring(JOB)
    with Redis.from_url(redis_url) as redis:
        assert redis.zcard(WAKE_QUEUE) == 0
        clock[0] = 10.0
        doorbell.ring(JOB)
        doorbell.ring(replace(JOB, id="2"))
        assert redis.zrange(WAKE_QUEUE, 0, -1, withscores=True) == [
            (b"1", 1e14 + 1_700_000_000_000),
            (b"2", 1e14 + 1_700_000_000_000),
        ]
    doorbell.close()


@pytest.mark.parametrize("changes", [{"duplicate": True}, {"state": JobState.WAITING}, {"state": JobState.RUNNING}])
def test_nobody_is_woken_for_a_job_that_is_not_ready_and_new(redis_url: str, changes: dict[str, object]) -> None:
    doorbell = Doorbell(redis_url)
    doorbell.ring(replace(JOB, **changes))  # type: ignore[arg-type]
    doorbell.close()

    with Redis.from_url(redis_url) as redis:
        assert redis.zcard(WAKE_QUEUE) == 0


def test_a_server_that_was_demoted_is_left_for_the_one_that_took_over(tmp_path: Path) -> None:
    clock = [0.0]
    with run_valkey() as one, run_valkey() as other, Redis.from_url(one) as old, Redis.from_url(other) as new:
        address = tmp_path / "s"
        address.symlink_to(one.removeprefix("unix://"))
        doorbell = Doorbell(f"unix://{address}", now=lambda: clock[0])
        doorbell.ring(JOB)
        old.replicaof("127.0.0.1", "1")
        address.unlink()
        address.symlink_to(other.removeprefix("unix://"))
        doorbell.ring(replace(JOB, id="2"))
        clock[0] = 5.0
        doorbell.ring(replace(JOB, id="3"))
        assert new.zrange(WAKE_QUEUE, 0, -1) == [b"3"]
        doorbell.close()


def test_who_uses_a_connection_beside_the_one_that_is_refused_is_not_disturbed() -> None:
    with run_valkey() as one, Redis.from_url(one) as old:
        doorbell = Doorbell(one)
        doorbell.ring(JOB)
        pool = doorbell._redis.connection_pool
        beside = pool.get_connection()
        beside.send_command("PING")
        old.replicaof("127.0.0.1", "1")
        doorbell.ring(replace(JOB, id="2"))
        assert beside.read_response() == b"PONG"
        pool.release(beside)
        doorbell.close()
