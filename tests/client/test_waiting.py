"""Waiting for the end of a job, with announcements and without."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.client.conftest import Stores
from tests.waiting import wait_until
from watchkeeper import Client, JobFailed, JobNotFound, JobState, JobTimeout
from watchkeeper.waiting import Pauses


def test_an_announcement_ends_the_wait_at_once(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "x")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.wait, job.id, 30)
        wait_until(lambda: stores.redis.pubsub_numsub(f"watchkeeper:done:{job.id}")[0][1] == 1)
        stores.finish(job.id, result=json.dumps({"text": "hi", "model": "m"}), finished_at=job_ms(stores, job.id))
        start = time.monotonic()
        stores.announce(job.id)
        done = waiting.result(10)

    assert time.monotonic() - start < 1
    assert (done.state, done.text) == (JobState.COMPLETED, "hi")
    assert done.result == {"text": "hi", "model": "m"}
    assert done.finished_at == done.enqueued_at
    assert done.raise_for_state() is done


def test_a_lost_announcement_costs_two_seconds_at_most(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "x")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.wait, job.id, 30)
        wait_until(lambda: stores.redis.pubsub_numsub(f"watchkeeper:done:{job.id}")[0][1] == 1)
        stores.finish(job.id)
        start = time.monotonic()
        waiting.result(10)

    assert time.monotonic() - start < 3


def test_waiting_works_while_redis_is_away(deaf_client: Client, stores: Stores) -> None:
    job = deaf_client.enqueue("default", "x")
    finisher = threading.Timer(0.2, stores.finish, (job.id,))
    finisher.start()

    start = time.monotonic()
    done = deaf_client.wait(job.id, 30)
    finisher.join()

    assert done.state is JobState.COMPLETED
    assert time.monotonic() - start < 3


def test_a_wait_that_runs_out_of_time_says_that_the_job_goes_on(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "x")

    with pytest.raises(JobTimeout, match=r"is still queued after 0\.1 s; it goes on"):
        client.wait(job.id, 0.1)

    assert stores.row(job.id)["state"] == "queued"
    wait_until(lambda: stores.redis.pubsub_numsub(f"watchkeeper:done:{job.id}")[0][1] == 0)


def test_waiting_for_a_job_that_has_ended_returns_it(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "x")
    stores.finish(job.id, error_cause="deadline", error_message="too late", steps=2)
    with stores.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET state = 'failed'")

    done = client.wait(job.id, 0)

    assert (done.state, done.steps, done.text, done.error_cause) == (JobState.FAILED, 2, None, "deadline")
    with pytest.raises(JobFailed, match="ended as failed: deadline: too late"):
        done.raise_for_state()


def test_a_job_nobody_made_is_not_found(client: Client) -> None:
    with pytest.raises(JobNotFound, match="no job 'nope'"):
        client.get("nope")
    with pytest.raises(JobNotFound):
        client.wait("nope", 5)


def test_pauses_grow_without_redis_and_stop_at_the_time_given() -> None:
    clock = iter([0.0, 1.0, 2.0, 9.7, 10.0])
    pauses = Pauses(10, now=lambda: next(clock))

    assert pauses.next(listening=False) == 0.05
    assert pauses.next(listening=True) == 1.5
    assert pauses.next(listening=True) == pytest.approx(0.3)
    assert pauses.next(listening=True) is None

    forever = Pauses(None, now=lambda: 0.0)
    assert [forever.next(listening=False) for _ in range(12)][-1] == 1.0


def job_ms(stores: Stores, job_id: str) -> int:
    """When the job was enqueued."""
    return int(stores.row(job_id)["enqueued_at"])
