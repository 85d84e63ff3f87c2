"""`cancel`: at once for a job at rest, a word to its worker for one that runs."""

import pytest

from tests.client.conftest import Stores
from tests.client.telling import Journal
from tests.waiting import wait_until
from watchkeeper import AsyncClient, Client, JobNotFound, JobState
from watchkeeper.contract import CANCEL_CHANNEL


@pytest.mark.parametrize("state", ["queued", "waiting", "parked"])
def test_a_job_at_rest_is_cancelled_at_once(client: Client, stores: Stores, state: str) -> None:
    job = client.enqueue("default", "x")
    Journal(stores, job.id).change(state=state)

    with stores.redis.pubsub() as listening:
        listening.subscribe(f"watchkeeper:done:{job.id}")
        listening.get_message(timeout=1)
        cancelled = client.cancel(job.id, by="Ada")
        assert listening.get_message(timeout=1) is not None

    assert (cancelled.state, cancelled.error_message) == (JobState.CANCELLED, "cancelled by Ada")
    assert stores.woken() == []


def test_the_worker_of_a_running_job_is_told(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "x")
    Journal(stores, job.id).begin()

    with stores.redis.pubsub() as listening:
        listening.subscribe(CANCEL_CHANNEL)
        listening.get_message(timeout=1)
        running = client.cancel(job.id)
        heard = wait_until(lambda: listening.get_message(timeout=1))

    assert running.state is JobState.RUNNING
    assert stores.row(job.id)["cancel_requested"]
    assert heard["data"] == job.id.encode()


def test_the_next_of_its_conversation_is_woken(client: Client, stores: Stores) -> None:
    first = client.enqueue("default", "x", conversation_id="talk")
    second = client.enqueue("default", "x", conversation_id="talk")
    stores.redis.flushall()

    client.cancel(first.id)

    assert stores.woken() == [second.id]


def test_an_ended_job_stays_as_it_is(client: Client, stores: Stores) -> None:
    job = client.enqueue("default", "x")
    stores.finish(job.id)

    assert client.cancel(job.id).state is JobState.COMPLETED
    with pytest.raises(JobNotFound):
        client.cancel("nope")


def test_redis_away_hinders_no_cancel(deaf_client: Client) -> None:
    job = deaf_client.enqueue("default", "x")

    assert deaf_client.cancel(job.id).state is JobState.CANCELLED


async def test_cancel_is_a_coroutine_too(database_url: str, redis_url: str) -> None:
    async with AsyncClient(database_url, redis_url) as client:
        job = await client.enqueue("default", "x")
        assert (await client.cancel(job.id)).state is JobState.CANCELLED
