"""A cancel stops a running job wherever it is, within a second, and it never comes back."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest
import redis.asyncio
from sqlalchemy import update

from shared.clock import SystemClock
from shared.redis.connect import connect_redis_async
from tests.configured import Provider
from tests.sandbox_fixture import Sandbox
from tests.waiting import wait_until
from tests.workers.running.crew import Crew
from watchkeeper.cancelling import Cancelling, cancel_job
from watchkeeper.contract import CANCEL_CHANNEL, WAKE_QUEUE, jobs
from watchkeeper.news import News, tell
from workers.cancelling import watch_cancels
from workers.tools.registry import Tool

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

P = Provider("p", ("p-secret-key-of-the-crew-0001",))
SLOW = "go [[slow=30]]"


@asynccontextmanager
async def listening(crew: Crew, client: "redis.asyncio.Redis | None" = None) -> AsyncIterator[None]:
    """The crew hears of cancels."""
    task = asyncio.ensure_future(watch_cancels(client or crew.client, crew.runner, SystemClock()))
    yield
    task.cancel()
    await asyncio.wait({task})


def cancel(crew: Crew, job_id: str, *, told: bool = True) -> Cancelling:
    """As a backend does; without `told` the message gets lost."""
    news = News()
    with crew.rows.engine.begin() as connection:
        became = cancel_job(connection, job_id, by="test", news=news)
    if told:
        tell(crew.configured.redis, news)
    return became


def heard(crew: Crew) -> bool:
    """Somebody listens."""
    return bool(crew.configured.redis.pubsub_numsub(CANCEL_CHANNEL)[0][1])  # type: ignore[index]


def to_provider(sandbox: Sandbox) -> set[int]:
    """Our ends of the connections that are open."""
    port = int(sandbox.url.rpartition(":")[2])
    connections = psutil.Process().net_connections(kind="tcp")
    return {found.laddr.port for found in connections if found.raddr and found.raddr.port == port}


async def begun(crew: Crew, text: str, sandbox: Sandbox, requests: int = 1) -> "tuple[str, asyncio.Future[None]]":
    """A job whose n-th request is with the provider."""
    (job_id,) = crew.rows.enqueue(text=text)
    running = asyncio.ensure_future(crew.runner.run(job_id))
    await asyncio.to_thread(wait_until, lambda: len(sandbox.control.log()) >= requests)
    return job_id, running


async def test_inside_an_llm_call_and_the_cut_attempt_is_recorded(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    async with listening(crew):
        await asyncio.to_thread(wait_until, lambda: heard(crew))
        job_id, running = await begun(crew, SLOW, sandbox)
        assert cancel(crew, job_id) is Cancelling.REQUESTED
        await asyncio.wait_for(running, 1.0)
    row = crew.rows.job(job_id)
    assert (row["state"], row["error_cause"], row["claimed_by"], row["steps"]) == ("cancelled", "cancelled", None, 0)
    assert [(a["cause"], a["status"]) for a in crew.rows.attempts(job_id)] == [("cancelled", None)]


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_inside_a_tool_that_hangs_with_what_was_finished_before(
    crew: Crew, sandbox: Sandbox, kind: str
) -> None:
    begun_there, let_go = threading.Event(), threading.Event()

    async def waits() -> str:
        """Hang."""
        begun_there.set()
        await asyncio.sleep(60)
        return "late"

    def blocks() -> str:
        """Hang."""
        begun_there.set()
        let_go.wait(60)
        return "late"

    nothing = {"type": "object", "properties": {}}
    crew.tools["hangs"] = Tool("hangs", "Hang.", nothing, waits if kind == "async" else blocks, kind == "async")
    crew.configured.publish(P, tools=["hangs"])
    async with listening(crew):
        await asyncio.to_thread(wait_until, lambda: heard(crew))
        job_id, running = await begun(crew, "go [[tools=1]]", sandbox)
        await asyncio.to_thread(begun_there.wait, 10)
        cancel(crew, job_id)
        await asyncio.wait_for(running, 1.0)
    let_go.set()
    row = crew.rows.job(job_id)
    assert (row["state"], row["steps"]) == ("cancelled", 1)
    assert [step["kind"] for step in crew.rows.steps(job_id)] == ["llm"]


async def test_while_it_waits_for_the_lease(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    crew.lease.renew(float("-inf"))
    (job_id,) = crew.rows.enqueue()
    running = asyncio.ensure_future(crew.runner.run(job_id))
    await asyncio.to_thread(wait_until, lambda: crew.rows.job(job_id)["state"] == "running")
    cancel(crew, job_id)
    crew.runner.cancel_if_asked(job_id)
    await asyncio.wait_for(running, 1.0)
    assert crew.rows.job(job_id)["state"] == "cancelled"
    assert sandbox.control.calls()["total"] == 0


async def test_a_stray_message_cancels_nothing(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    async with listening(crew):
        await asyncio.to_thread(wait_until, lambda: heard(crew))
        job_id, running = await begun(crew, "go [[slow=0.4]]", sandbox)
        for _ in range(20):
            crew.configured.redis.publish(CANCEL_CHANNEL, job_id)
            crew.configured.redis.publish(CANCEL_CHANNEL, "nobody's")
        await running
    assert crew.rows.job(job_id)["state"] == "completed"


async def test_while_redis_cannot_be_heard_or_the_message_got_lost(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    away = connect_redis_async("unix:///nobody-listens-here", connections=1)
    async with listening(crew, away):
        job_id, running = await begun(crew, SLOW, sandbox)
        cancel(crew, job_id, told=False)
        await asyncio.wait_for(running, 5.0)
    await away.aclose()
    assert crew.rows.job(job_id)["state"] == "cancelled"


async def test_while_redis_is_frozen_sql_tells_it(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    async with listening(crew):
        await asyncio.to_thread(wait_until, lambda: heard(crew))
        job_id, running = await begun(crew, SLOW, sandbox)
        crew.configured.redis.client_pause(5_000)
        cancel(crew, job_id, told=False)
        await asyncio.wait_for(running, 4.5)
    await asyncio.to_thread(wait_until, lambda: crew.configured.redis.ping())
    assert crew.rows.job(job_id)["state"] == "cancelled"


async def test_the_connection_to_the_provider_is_closed_and_the_next_of_the_conversation_runs(
    crew: Crew, sandbox: Sandbox
) -> None:
    crew.configured.publish(P)
    before = to_provider(sandbox)
    first, following = crew.rows.enqueue(2, text=SLOW, conversation_id="talk")
    running = asyncio.ensure_future(crew.runner.run(first))
    await asyncio.to_thread(wait_until, lambda: sandbox.control.log())
    opened = to_provider(sandbox) - before
    assert len(opened) == 1
    cancel(crew, first, told=False)
    crew.runner.cancel_if_asked(first)
    await asyncio.wait_for(running, 1.0)

    await asyncio.to_thread(wait_until, lambda: not opened & to_provider(sandbox), 1.0)
    await crew.announcer.flush()
    assert crew.configured.redis.zrange(WAKE_QUEUE, 0, -1) == [following]
    running = asyncio.ensure_future(crew.runner.run(following))
    await asyncio.to_thread(wait_until, lambda: len(sandbox.control.log()) == 2)
    cancel(crew, following, told=False)
    crew.runner.cancel_if_asked(following)
    await asyncio.wait_for(running, 1.0)


async def test_a_lost_connection_is_opened_again(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    async with listening(crew):
        await asyncio.to_thread(wait_until, lambda: heard(crew))
        crew.configured.redis.client_kill_filter(_type="pubsub")
        job_id, running = await begun(crew, SLOW, sandbox)
        await asyncio.to_thread(wait_until, lambda: heard(crew))
        cancel(crew, job_id)
        await asyncio.wait_for(running, 2.0)
    assert crew.rows.job(job_id)["state"] == "cancelled"


async def test_while_sql_is_away_it_binds_when_it_is_back(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    job_id, running = await begun(crew, SLOW, sandbox)
    with crew.rows.engine.begin() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))
        crew.runner.cancel_if_asked(job_id)
        assert not (await asyncio.wait({running}, timeout=0.3))[0]
    await asyncio.wait_for(running, 8.0)
    assert crew.rows.job(job_id)["state"] == "cancelled"


async def test_a_drain_at_the_same_time_does_not_bring_it_back(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    for cancelled_first in (True, False):
        sandbox.control.reset()
        job_id, running = await begun(crew, SLOW, sandbox)
        cancel(crew, job_id)
        if cancelled_first:
            crew.runner.cancel_if_asked(job_id)
        await crew.runner.hand_back(5.0)
        await asyncio.gather(running, return_exceptions=True)
        assert crew.rows.job(job_id)["state"] == "cancelled"
        await crew.runner.run(job_id)
        assert sandbox.control.calls()["total"] == 1


async def test_against_a_completion_exactly_one_result_wins(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    job_ids = crew.rows.enqueue(30, text="go [[slow=0.2]]")
    running = [asyncio.ensure_future(crew.runner.run(job_id)) for job_id in job_ids]
    await asyncio.to_thread(wait_until, lambda: len(sandbox.control.log()) >= len(job_ids))
    became = {}
    for job_id in job_ids:
        became[job_id] = await asyncio.to_thread(cancel, crew, job_id, told=False)
        crew.runner.cancel_if_asked(job_id)
    await asyncio.gather(*running)
    for job_id in job_ids:
        row = crew.rows.job(job_id)
        assert row["state"] in ("completed", "cancelled")
        assert (row["result"] is not None) == (row["state"] == "completed")
        assert row["steps"] == len(crew.rows.steps(job_id))
        if became[job_id] is Cancelling.OVER:
            assert row["state"] == "completed"


async def test_while_it_is_being_claimed(crew: Crew, sandbox: Sandbox) -> None:
    crew.configured.publish(P)
    job_ids = crew.rows.enqueue(20, text=SLOW)
    running = []
    for job_id in job_ids:
        running.append(asyncio.ensure_future(crew.runner.run(job_id)))
        await asyncio.to_thread(cancel, crew, job_id, told=False)
        crew.runner.cancel_if_asked(job_id)
    await asyncio.wait_for(asyncio.gather(*running), 5.0)
    assert {crew.rows.job(job_id)["state"] for job_id in job_ids} == {"cancelled"}
