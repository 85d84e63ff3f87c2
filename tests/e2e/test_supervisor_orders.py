"""Told to end, to hurry, to roll: by signals, and by orders through Redis."""

import signal
import threading
from typing import Any

import pytest

from shared.supervision.orders import Action, Order, send_order
from tests.e2e.house import House
from tests.e2e.supervised import Supervised, supervise
from tests.waiting import wait_until


@pytest.mark.timeout(180)
def test_the_first_term_drains_and_the_second_hands_running_jobs_back_at_their_last_step(house: House) -> None:
    house.change_agent(tools='["current_time"]')
    house.scheduler()
    supervised = supervise(house)
    job = house.client.enqueue("default", "go [[tools=1]] [[slow=3]]")
    wait_until(lambda: house.rows.job(job.id)["steps"] == 2, 30)
    wait_until(lambda: len(house.llm_requests()) == 2, 30)

    supervised.running.signal(signal.SIGTERM)
    supervised.running.says("worker.draining")
    assert house.rows.job(job.id)["state"] == "running"
    supervised.running.signal(signal.SIGTERM)

    assert supervised.running.ended() == 0
    row = house.rows.job(job.id)
    assert (row["state"], row["steps"], row["claimed_by"]) == ("queued", 2, None)
    assert not any(row["crashed"] for row in house.rows.ended())


@pytest.mark.timeout(180)
def test_hup_replaces_all_workers_one_by_one_and_there_are_never_fewer_that_take_jobs(
    supervised: Supervised,
) -> None:
    house, before = supervised.house, supervised.pids
    counts: list[int] = []
    over = threading.Event()

    def count() -> None:
        while not over.wait(0.02):
            rows = house.rows.alive()
            counts.append(sum(row["state"] == "ready" and row["heartbeat"] > 0 for row in rows))
            assert len(rows) <= 3

    counting = threading.Thread(target=count)
    counting.start()
    supervised.running.signal(signal.SIGHUP)
    after = supervised.full_again(2, before)
    over.set()
    counting.join()

    assert len(after) == 2
    assert min(counts) >= 2
    wait_until(lambda: len(house.rows.alive()) == 2, 30)
    rolled = [row for row in house.rows.ended() if row["pid"] in before]
    assert {row["ended_why"] for row in rolled} <= {"stopped", "rolled by SIGHUP"}
    assert {row["recycle_why"] for row in rolled} == {"rolled by SIGHUP"}


@pytest.mark.timeout(180)
def test_orders_recycle_one_worker_and_change_how_many_there_are(supervised: Supervised) -> None:
    house = supervised.house
    old, kept = sorted(supervised.workers, key=lambda row: row["pid"])

    order(supervised, Action.RECYCLE, incarnation=old["id"])
    after = supervised.full_again(2, {old["pid"]})
    assert kept["pid"] in after

    order(supervised, Action.SCALE, processes=3)
    wait_until(lambda: len(supervised.pids) == 3, 30)
    order(supervised, Action.SCALE, processes=1)
    wait_until(lambda: len(house.rows.alive()) == 1, 30)
    house.done(house.client.enqueue("default", "hello").id)

    (last,) = supervised.workers
    order(supervised, Action.STOP, incarnation=last["id"])
    wait_until(lambda: house.rows.alive() == [], 30)
    order(supervised, Action.SCALE, processes=2)
    supervised.full_again(2, {last["pid"]})
    order(supervised, Action.RECYCLE, incarnation=last["id"])
    supervised.running.says("supervisor.order_past")


def order(supervised: Supervised, action: Action, **fields: Any) -> None:
    """Send it as the scheduler or a person would."""
    send_order(supervised.house.redis, supervised.id, Order(action, "a test", "tests", **fields))
