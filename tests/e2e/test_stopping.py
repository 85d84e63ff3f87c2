"""SIGTERM drains a worker, a second one hands its jobs back at their last finished step."""

import signal

from tests.e2e.house import House
from tests.waiting import wait_until


def test_a_running_job_finishes_before_its_worker_ends_and_the_next_one_stays_in_the_queue(house: House) -> None:
    house.scheduler()
    worker = house.worker()
    job = house.client.enqueue("default", "go [[slow=2]]")
    wait_until(house.llm_requests, 30)

    worker.signal(signal.SIGTERM)
    worker.says("worker.draining")
    later = house.client.enqueue("default", "later")

    assert worker.ended() == 0
    assert house.client.get(job.id).state == "completed"
    assert house.client.get(later.id).state == "queued"
    assert house.rows.alive() == []

    house.worker()
    house.done(later.id)
    assert len(house.llm_requests()) == 2


def test_a_second_signal_hands_the_job_back_and_another_worker_goes_on_after_its_last_step(house: House) -> None:
    house.change_agent(tools='["current_time"]')
    house.scheduler()
    worker = house.worker()
    job = house.client.enqueue("default", "go [[tools=1]] [[slow=2]]")
    wait_until(lambda: house.rows.job(job.id)["steps"] == 2, 30)
    wait_until(lambda: len(house.llm_requests()) == 2, 30)

    worker.signal(signal.SIGTERM)
    worker.says("worker.draining")
    worker.signal(signal.SIGTERM)

    assert worker.ended() == 0
    row = house.rows.job(job.id)
    assert (row["state"], row["steps"], row["claimed_by"]) == ("queued", 2, None)
    assert house.rows.events(job.id) == ["released"]

    house.worker()
    done = house.done(job.id)
    assert done.steps == 3
    assert house.llm_requests() == [1, 3, 3]  # only the one in flight was asked again
