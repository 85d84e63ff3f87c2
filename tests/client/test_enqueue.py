"""Enqueueing with the client's own connection."""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.client.conftest import Stores
from watchkeeper import Client, JobState, Priority, UnknownAgent
from watchkeeper.contract import CONTRACT_VERSION, MAX_MESSAGES_BYTES


def test_an_enqueued_job_is_one_row_and_one_wake_up(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "hello", conversation_id="c 1", metadata={"ticket": 7, "ü": [None, 1.5]})

    row = stores.row(job.id)
    assert (row["contract"], row["agent"], row["state"]) == (CONTRACT_VERSION, "default", "queued")
    assert json.loads(row["messages"]) == [{"role": "user", "content": "hello"}]
    assert row["woken_at"] is None
    assert stores.woken() == [job.id]
    assert client.get(job.id) == job
    assert (job.state, job.priority, job.duplicate, job.text) == (JobState.QUEUED, Priority.NORMAL, False, None)
    assert job.metadata == {"ticket": 7, "ü": [None, 1.5]}
    assert abs(job.enqueued_at - datetime.now(UTC)) < timedelta(seconds=60)


def test_every_character_that_json_can_hold_comes_back_unchanged(client: Client, stores: Stores) -> None:
    text = 'nul \x00, quote ", emoji \U0001f9ed, line\u2028end, rtl \u202e'

    job = client.enqueue("default", text, metadata={"k\x00": text})

    assert json.loads(stores.row(job.id)["messages"])[0]["content"] == text
    assert client.get(job.id).metadata == {"k\x00": text}


def test_messages_near_the_limit_are_stored_whole(client: Client, stores: Stores) -> None:
    text = "x" * (MAX_MESSAGES_BYTES - 100)

    job = client.enqueue("default", text)

    assert json.loads(stores.row(job.id)["messages"])[0]["content"] == text


def test_workers_see_high_priority_first_and_then_the_order_of_arrival(client: Client, stores: Stores) -> None:
    low, normal, high, later = (
        client.enqueue("default", "x", priority=priority) for priority in ("low", "normal", "HIGH", Priority.HIGH)
    )

    assert stores.woken() == [high.id, later.id, normal.id, low.id]


def test_ids_of_one_client_sort_by_time(client: Client) -> None:
    ids = [client.enqueue("default", "x").id for _ in range(20)]

    assert ids == sorted(ids)


def test_a_job_for_later_waits_and_wakes_nobody(client: Client, stores: Stores) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)

    job = client.enqueue("default", "x", run_after=moment, deadline=moment + timedelta(hours=1))

    assert (job.state, job.run_after) == (JobState.WAITING, moment)
    assert job.deadline == moment + timedelta(hours=1)
    assert stores.woken() == []


def test_a_job_whose_time_has_come_already_is_queued_at_once(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "x", run_after=datetime.now(UTC) - timedelta(days=1))

    assert job.state is JobState.QUEUED
    assert stores.woken() == [job.id]


def test_an_unknown_agent_is_refused_with_a_guess(client: Client, stores: Stores) -> None:
    with pytest.raises(UnknownAgent, match=r"no agent 'defualt' \(did you mean 'default'\?\)"):
        client.enqueue("defualt", "x")
    with pytest.raises(UnknownAgent, match="agents ls"):
        client.enqueue("zzz", "x", idempotency_key="k")

    assert stores.count() == 0
    assert stores.woken() == []


def test_a_known_key_gives_the_first_job_back_and_stores_nothing(client: Client, stores: Stores) -> None:
    first = client.enqueue("default", "x", idempotency_key="order 7")
    stores.redis.flushall()

    second = client.enqueue("default", "something else", idempotency_key="order 7")
    unknown = client.enqueue("an agent removed since", "x", idempotency_key="order 7")

    assert second.id == unknown.id == first.id
    assert (first.duplicate, second.duplicate) == (False, True)
    assert stores.count() == 1
    assert stores.woken() == []


def test_twenty_threads_with_one_key_make_one_job(client: Client, stores: Stores) -> None:
    together = threading.Barrier(20)

    def enqueue(_: int) -> tuple[str, bool]:
        together.wait()
        job = client.enqueue("default", "x", idempotency_key="once")
        return job.id, job.duplicate

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(enqueue, range(20)))

    assert len({job_id for job_id, _ in found}) == 1
    assert sorted(duplicate for _, duplicate in found) == [False] + [True] * 19
    assert stores.count() == 1


def test_redis_away_fails_no_enqueue_and_slows_none(
    deaf_client: Client, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "watchkeeper")
    start = time.monotonic()

    ids = [deaf_client.enqueue("default", "x").id for _ in range(20)]

    assert time.monotonic() - start < 2
    assert stores.count() == len(set(ids)) == 20
    assert len(caplog.records) == 1
    assert "jobs are stored and start a little later" in caplog.text
