"""The same as coroutines."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.client.conftest import Stores
from tests.waiting import wait_until
from watchkeeper import AsyncClient, InvalidJob, Job, JobNotFound, JobState, JobTimeout


@pytest.fixture
async def client(database_url: str, redis_url: str) -> AsyncIterator[AsyncClient]:
    """The client under test."""
    async with AsyncClient(database_url, redis_url) as client:
        yield client


async def test_enqueue_get_and_wait_are_coroutines(client: AsyncClient, stores: Stores) -> None:
    job = await client.enqueue("default", "x", idempotency_key="k", priority="high")
    again = await client.enqueue("default", "x", idempotency_key="k")
    assert (again.id, again.duplicate) == (job.id, True)
    assert await client.get(job.id) == job
    assert stores.woken() == [job.id]

    waiting = asyncio.create_task(client.wait(job.id, 30))
    while stores.redis.pubsub_numsub(f"watchkeeper:done:{job.id}")[0][1] == 0:
        await asyncio.sleep(0.01)
    stores.finish(job.id)
    start = time.monotonic()
    stores.announce(job.id)

    assert (await waiting).state is JobState.COMPLETED
    assert time.monotonic() - start < 1


async def test_many_coroutines_wait_at_once_and_hold_no_thread(client: AsyncClient, stores: Stores) -> None:
    job = await client.enqueue("default", "x")
    waits: list[asyncio.Task[Job]] = []
    for _ in range(100):
        waits.append(asyncio.create_task(client.wait(job.id, 30)))
        # One after the other up to the last one looked for: at once, a busy machine connects some too late.
        while stores.redis.pubsub_numsub(f"watchkeeper:done:{job.id}")[0][1] < min(len(waits), 60):
            await asyncio.sleep(0.01)

    assert await asyncio.wait_for(asyncio.to_thread(lambda: "a thread is free"), 5)
    stores.finish(job.id)
    stores.announce(job.id)

    assert {done.state for done in await asyncio.gather(*waits)} == {JobState.COMPLETED}


async def test_a_cancelled_wait_leaves_no_listener(client: AsyncClient, stores: Stores) -> None:
    job = await client.enqueue("default", "x")
    waiting = asyncio.create_task(client.wait(job.id, 30))
    while stores.redis.pubsub_numsub(f"watchkeeper:done:{job.id}")[0][1] == 0:
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    wait_until(lambda: stores.redis.pubsub_numsub(f"watchkeeper:done:{job.id}")[0][1] == 0)


async def test_errors_are_the_same(client: AsyncClient) -> None:
    with pytest.raises(InvalidJob, match="messages: is empty"):
        await client.enqueue("default", "")
    with pytest.raises(InvalidJob, match="connection: is a object"):
        await client.enqueue("default", "x", connection=object())  # type: ignore[arg-type]
    with pytest.raises(JobNotFound):
        await client.wait("nope")
    job = await client.enqueue("default", "x")
    with pytest.raises(JobTimeout):
        await client.wait(job.id, 0.05)


async def test_waiting_works_while_redis_is_away(database_url: str, stores: Stores, tmp_path: Path) -> None:
    async with AsyncClient(database_url, f"unix://{tmp_path / 'gone'}") as client:
        job = await client.enqueue("default", "x")
        waiting = asyncio.create_task(client.wait(job.id, 30))
        stores.finish(job.id)

        assert (await waiting).state is JobState.COMPLETED
