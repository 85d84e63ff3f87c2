"""A job that crashes workers runs alone after the second crash, and never more after two crashes alone."""

import pytest
from redis import Redis
from sqlalchemy import Engine, insert

from scheduler.rescuer import Rescuer
from scheduler.stager import Stager
from shared.db.tables import steps, tool_starts
from shared.jobs.retry import retry_job
from tests.moved_clock import MovedClock
from tests.rows import Rows
from watchkeeper.clock import db_now
from watchkeeper.contract import ALONE_QUEUE, DONE_CHANNEL, WAKE_QUEUE
from watchkeeper.news import News
from watchkeeper.states import JobState

NOW = 0


@pytest.fixture
def rescuer(engine: Engine, client: Redis, clock: MovedClock) -> Rescuer:
    """The part under test."""
    return Rescuer(engine, client, clock)


class Fleet:
    """Workers that take jobs and crash."""

    def __init__(self, rows: Rows, rescuer: Rescuer) -> None:
        self._rows = rows
        self._rescuer = rescuer
        self._lives = 0

    def crash(self, *job_ids: str, why: str = "killed by signal 11 (SIGSEGV)", crashed: bool = True) -> None:
        """A worker takes the jobs and ends; the rescuer looks."""
        self._end(job_ids, why, crashed, None)

    def crash_alone(self, job_id: str) -> None:
        """The same in a process of its own."""
        self._end((job_id,), "killed by signal 11 (SIGSEGV)", True, job_id)

    def _end(self, job_ids: tuple[str, ...], why: str, crashed: bool, alone_with: str | None) -> None:
        self._lives += 1
        name = f"life-{self._lives}"
        self._rows.incarnation(name, ended_at=1_000, ended_why=why, crashed=crashed, alone_with=alone_with)
        for job_id in job_ids:
            self._rows.change_job(job_id, state=JobState.RUNNING, claimed_by=name)
        self._rescuer.run_once(NOW)


@pytest.fixture
def fleet(rows: Rows, rescuer: Rescuer) -> Fleet:
    """Nobody is left of it."""
    return Fleet(rows, rescuer)


def queue(client: Redis, name: str) -> list[str]:
    """Who is to be woken."""
    return [str(member) for member in client.zrange(name, 0, -1)]


def test_after_the_first_crash_a_job_is_like_any_other(fleet: Fleet, rows: Rows, client: Redis) -> None:
    (job_id,) = rows.enqueue()
    fleet.crash(job_id)
    row = rows.job(job_id)
    assert (row["state"], row["crashes"], row["crashes_alone"]) == ("queued", 1, 0)
    assert rows.events(job_id) == ["crashed", "rescued"]
    assert (queue(client, WAKE_QUEUE), queue(client, ALONE_QUEUE)) == ([job_id], [])


def test_after_the_second_crash_it_is_woken_for_a_process_of_its_own(
    fleet: Fleet, rows: Rows, client: Redis, engine: Engine
) -> None:
    culprit, neighbour = rows.enqueue(2)
    fleet.crash(culprit, neighbour)
    rows.change_job(neighbour, state=JobState.COMPLETED)
    client.flushall()
    fleet.crash(culprit)
    assert (queue(client, WAKE_QUEUE), queue(client, ALONE_QUEUE)) == ([], [culprit])

    client.flushall()
    Stager(engine, client).run_once(NOW)
    assert (queue(client, WAKE_QUEUE), queue(client, ALONE_QUEUE)) == ([], [culprit])


def test_a_lone_job_that_a_supervisor_has_taken_is_not_woken_a_second_time(
    fleet: Fleet, rows: Rows, client: Redis, engine: Engine
) -> None:
    (job_id,) = rows.enqueue()
    stager = Stager(engine, client)
    stager.run_once(NOW)
    fleet.crash(job_id)
    fleet.crash(job_id)
    assert queue(client, ALONE_QUEUE) == [job_id]
    client.zpopmin(ALONE_QUEUE)  # its process is being started
    stager.run_once(NOW)
    assert queue(client, ALONE_QUEUE) == []


def test_two_crashes_alone_are_its_end_with_the_evidence(
    fleet: Fleet, rows: Rows, client: Redis, engine: Engine
) -> None:
    (job_id,) = rows.enqueue(conversation_id="talk", steps=1)
    (following,) = rows.enqueue(conversation_id="talk")
    with engine.begin() as connection:
        reply = '{"message": {"tool_calls": [{"function": {"name": "segfault"}}]}, "served_by": {}}'
        of_job = {"job_id": job_id, "claim_token": 1}
        step = {"number": 1, "kind": "llm", "request_hash": "", "result": reply}
        connection.execute(insert(steps).values(**of_job, **step, finished_at=db_now()))
        connection.execute(insert(tool_starts).values(**of_job, number=2, tool="segfault", started_at=db_now()))
    fleet.crash(job_id)
    fleet.crash(job_id)
    fleet.crash_alone(job_id)
    assert rows.job(job_id)["state"] == "queued"
    client.flushall()

    with client.pubsub() as ear:  # type: ignore[no-untyped-call]
        ear.subscribe(DONE_CHANNEL + job_id)
        ear.get_message(timeout=5)
        fleet.crash_alone(job_id)
        assert ear.get_message(timeout=5)["data"] == "done"

    row = rows.job(job_id)
    assert (row["state"], row["error_cause"], row["claimed_by"]) == ("dead", "poison", None)
    assert row["finished_at"]
    assert (row["crashes"], row["crashes_alone"]) == (4, 2)
    for word in (
        "4 times",
        "SIGSEGV",
        "life-1",
        "alone in worker life-4",
        "1970-01-01T00:00:01",
        "in its tool segfault",
    ):
        assert word in row["error_message"]
    assert rows.events(job_id).count("crashed") == 4
    assert rows.events(job_id)[-1] == "poisoned"
    assert queue(client, WAKE_QUEUE) == [following]


def test_one_that_crashed_alone_behind_a_finished_step_stays_alone(fleet: Fleet, rows: Rows, client: Redis) -> None:
    (job_id,) = rows.enqueue()
    fleet.crash(job_id)
    fleet.crash(job_id)
    rows.change_job(job_id, steps=1, crashes=0)  # alone it finished a step
    client.flushall()
    fleet.crash_alone(job_id)
    assert rows.job(job_id)["crashes_alone"] == 1
    assert (queue(client, WAKE_QUEUE), queue(client, ALONE_QUEUE)) == ([], [job_id])


def test_a_dead_job_that_is_retried_begins_with_a_clean_record(fleet: Fleet, rows: Rows, engine: Engine) -> None:
    (job_id,) = rows.enqueue()
    for crash in (fleet.crash, fleet.crash, fleet.crash_alone, fleet.crash_alone):
        crash(job_id)
    with engine.begin() as connection:
        retry_job(connection, job_id, by="test", news=News())
    row = rows.job(job_id)
    assert (row["state"], row["crashes"], row["crashes_alone"]) == ("queued", 0, 0)


def test_a_worker_that_was_only_lost_speaks_against_no_job(fleet: Fleet, rows: Rows) -> None:
    (job_id,) = rows.enqueue()
    for _ in range(5):
        fleet.crash(job_id, why="heartbeat stood still", crashed=False)
    row = rows.job(job_id)
    assert (row["state"], row["crashes"]) == ("queued", 0)
    assert rows.events(job_id) == ["rescued"] * 5


def test_a_cancel_binds_a_job_that_crashes_its_worker(fleet: Fleet, rows: Rows, client: Redis) -> None:
    (job_id,) = rows.enqueue(cancel_requested=True, crashes=3, crashes_alone=1)
    fleet.crash_alone(job_id)
    row = rows.job(job_id)
    assert (row["state"], row["error_cause"]) == ("cancelled", "cancelled")
    assert (queue(client, WAKE_QUEUE), queue(client, ALONE_QUEUE)) == ([], [])
