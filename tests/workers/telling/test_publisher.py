"""The publisher on a real Valkey: few round trips, nothing twice, and no stream with a hole."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from shared.clock import SystemClock
from shared.redis.connect import connect_redis_async
from tests.servers import run_valkey
from tests.workers.router.station import eventually
from tests.workers.telling.reading import kinds, text, told
from watchkeeper.contract import STREAM
from workers.journal.records import ClaimedJob, Step
from workers.telling.publisher import Publisher

pytestmark = pytest.mark.asyncio(loop_scope="session")


def job(token: int = 1, *, stream: bool = True, steps: tuple[Step, ...] = (), id: str = "job") -> ClaimedJob:
    """A job in our hands."""
    return ClaimedJob(id, "default", token, [], None, 1, None, 0, 0, 0, stream=stream, steps=steps)


def step(number: int) -> Step:
    """A finished reply."""
    return Step(number, "llm", "hash", {"role": "assistant", "content": "done"})


@asynccontextmanager
async def publishing(url: str) -> AsyncIterator[tuple[Publisher, "redis.asyncio.Redis"]]:
    """A publisher, and a client to look with."""
    client = connect_redis_async(url, connections=4)
    publisher = Publisher(client=client, clock=SystemClock(), keep_seconds=600)
    yield publisher, client
    await publisher.close(seconds=2.0)
    await client.aclose()


async def commands(client: "redis.asyncio.Redis", name: str) -> int:
    """How often the server was asked to do `name`."""
    return int((await client.info("commandstats")).get(f"cmdstat_{name}", {}).get("calls", 0))


async def test_a_job_nobody_reads_costs_redis_nothing(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        teller = publisher.teller(job(stream=False))
        assert not teller.speaks
        teller.step_started(1, "llm")
        teller.token(1, "hello")
        teller.ended("completed", text="hello")
        await publisher.close(seconds=1.0)
        assert await client.keys("*") == []


async def test_tokens_share_entries_and_arrive_in_order_within_the_spacing(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        before = await commands(client, "xadd")
        teller = publisher.teller(job())
        teller.step_started(1, "llm")
        for number in range(300):
            teller.token(1, f"{number} ")
            await asyncio.sleep(0.001)
        teller.step_finished(step(1))
        teller.ended("completed", text="done", steps=1)
        await publisher.close(seconds=1.0)
        events = await told(client, "job")
        assert kinds(events) == ["step_started 1", "token 1", "step_finished 1", "ended"]
        assert text(events) == "".join(f"{number} " for number in range(300))
        assert [entry for entry, *_ in events] == [f"1-{n}" for n in range(1, len(events) + 1)]
        assert await commands(client, "xadd") - before == len(events) < 40
        assert 500 < await client.ttl(STREAM + "job") <= 600


async def test_the_next_claim_continues_the_stream_and_resets_what_it_does_anew(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        first = publisher.teller(job())
        first.step_started(1, "llm")
        first.step_finished(step(1))
        for number in (2, 3):
            first.step_started(number, "tool", name="weather")
        await eventually(lambda: publisher.idle)
        second = publisher.teller(job(2, steps=(step(1), step(2))))
        second.step_started(3, "tool", name="weather")
        second.step_started(4, "llm")
        second.token(4, "hi")
        await publisher.close(seconds=1.0)
        assert kinds(await told(client, "job"))[4:] == ["step_reset 3", "step_started 3", "step_started 4", "token 4"]


async def test_a_zombie_adds_nothing_to_the_story_of_the_claim_that_followed(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        zombie = publisher.teller(job())
        zombie.step_started(1, "llm")
        await eventually(lambda: publisher.idle)
        publisher.teller(job(2)).step_started(1, "llm")
        await eventually(lambda: publisher.idle)
        zombie.token(1, "too late")
        zombie.ended("completed", text="too late")
        await publisher.close(seconds=1.0)
        assert kinds(await told(client, "job")) == ["step_started 1", "step_reset 1", "step_started 1"]


async def test_a_wiped_stream_does_not_come_back_in_the_middle(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        teller, other = publisher.teller(job()), publisher.teller(job(id="other"))
        teller.step_started(1, "llm")
        await eventually(lambda: publisher.idle)
        await client.flushall()
        with capture_logs() as logs:
            teller.token(1, "tail")
            other.step_started(1, "llm")
            await eventually(lambda: publisher.idle)
            teller.ended("completed", text="head and tail")
            await publisher.close(seconds=1.0)
        assert await client.keys("*") == [STREAM + "other"]
        assert [entry["event"] for entry in logs] == ["stream.vanished"]


async def test_a_claim_with_a_journal_does_not_begin_a_stream_in_the_middle(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        teller = publisher.teller(job(2, steps=(step(1),)))
        teller.step_started(2, "llm")
        await publisher.close(seconds=1.0)
        assert await client.keys("*") == []


async def test_a_short_outage_loses_nothing_and_tells_nothing_twice() -> None:
    with run_valkey() as url:
        async with publishing(url) as (publisher, client):
            teller = publisher.teller(job())
            teller.step_started(1, "llm")
            await eventually(lambda: publisher.idle)
            pid = (await client.info("server"))["process_id"]
            os.kill(pid, signal.SIGSTOP)
            with capture_logs() as logs:
                try:
                    for number in range(50):
                        teller.token(1, f"{number} ")
                    await eventually(lambda: publisher.away)
                    teller.token(1, "and on")
                finally:
                    os.kill(pid, signal.SIGCONT)
                await eventually(lambda: publisher.idle)
            events = await told(client, "job")
            assert text(events) == "".join(f"{number} " for number in range(50)) + "and on"
            assert [entry["event"] for entry in logs] == ["stream.redis_away", "stream.redis_back"]


async def test_after_an_outage_too_long_to_remember_the_stream_is_gone_and_not_full_of_holes() -> None:
    with run_valkey() as url:
        async with publishing(url) as (publisher, client):
            teller = publisher.teller(job())
            teller.step_started(1, "llm")
            await eventually(lambda: publisher.idle)
            pid = (await client.info("server"))["process_id"]
            os.kill(pid, signal.SIGSTOP)
            try:
                for _ in range(5):
                    teller.token(1, "x" * 1_000_000)
                await eventually(lambda: publisher.away)
            finally:
                os.kill(pid, signal.SIGCONT)
            await eventually(lambda: publisher.idle)
            teller.ended("completed", text="x")
            fresh = publisher.teller(job(id="fresh"))
            fresh.step_started(1, "llm")
            await publisher.close(seconds=1.0)
            assert await client.keys("*") == [STREAM + "fresh"]


async def test_a_redis_that_takes_no_more_is_told_once_and_harms_no_job(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        tellers = [publisher.teller(job(id=f"job-{number}")) for number in range(3)]
        await client.config_set("maxmemory", 1)
        try:
            with capture_logs() as logs:
                for teller in tellers:
                    teller.step_started(1, "llm")
                await eventually(lambda: publisher.idle)
        finally:
            await client.config_set("maxmemory", 0)
        assert [(entry["event"], entry["jobs"]) for entry in logs] == [("stream.refused", 3)]
