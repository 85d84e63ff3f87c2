"""A job that kills every worker it runs in ends by itself, and its neighbours finish."""

import os
from typing import Any

import pytest

from tests.e2e.house import House
from tests.waiting import wait_until
from watchkeeper.contract import ALONE_QUEUE
from watchkeeper.states import JobState


@pytest.mark.timeout(180)
def test_a_job_that_kills_its_workers_is_dead_after_four_and_its_neighbours_finish(house: House) -> None:
    house.change_agent(tools='["segfault"]')
    house.scheduler()
    supervisor = house.processes.room(
        "workers",
        PYTHONPATH=os.getcwd(),
        WATCHKEEPER_TOOLS="tests.e2e.poisonous",
        WATCHKEEPER_WORKER_PROCESSES="2",
    )
    supervisor.says("supervisor.ready", 90)

    neighbours = [house.client.enqueue("default", f"question {n} [[slow=1]]") for n in range(6)]
    poison = house.client.enqueue("default", "go [[tools=1]]")

    dead = house.client.wait(poison.id, 120)
    assert dead.state is JobState.DEAD, (house.rows.events(poison.id), house.processes.output())
    row = house.rows.job(poison.id)
    assert (row["error_cause"], row["crashes"], row["crashes_alone"]) == ("poison", 4, 2)
    assert row["error_message"].count("SIGSEGV") == 4
    assert row["error_message"].count("alone in worker") == 2
    assert "in its tools (segfault)" in row["error_message"]
    for job in neighbours:
        house.done(job.id)

    # One that holds at last ends well in a process of its own, and a stray wake-up of an ended one does no harm.
    mended = house.client.enqueue("default", "go [[tools=1]]", metadata={"crashes": 2})
    assert "it holds" in (house.done(mended.id).text or "")
    wait_until(lambda: {row["ended_why"] for row in lone(house, mended.id) if not row["crashed"]} == {"stopped"}, 30)
    assert sum(row["crashed"] for row in lone(house, mended.id)) == 0
    before = len(lone(house, neighbours[0].id))  # it may have run alone in earnest
    house.redis.zadd(ALONE_QUEUE, {neighbours[0].id: 1})
    supervisor.says(f'"alone_with": "{neighbours[0].id}"')
    house.done(house.client.enqueue("default", "hello").id)
    # The process of the stray wake-up ends by itself; then the two are there again, and nobody else. One of them may
    # have been killed by the poison within 2 s of its start: its successor waits for its back-off.
    wait_until(lambda: len(lone(house, neighbours[0].id)) > before, 30)
    wait_until(lambda: len(house.rows.alive()) == 2, 30)


def lone(house: House, job_id: str) -> list[dict[str, Any]]:
    """The processes that were started for this job alone, and have ended."""
    return [row for row in house.rows.ended() if row["alone_with"] == job_id]
