"""A worker's runner with everything real around it, without the process."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.clock import SystemClock
from tests.configured import Configured
from tests.rows import Rows
from tests.workers.router.conftest import configured, open_station
from tests.workers.running.crew import Crew
from workers.agent.acting import Acting
from workers.agent.loop import AgentLoop
from workers.agent.model_facts import ModelFacts
from workers.announcer import Announcer
from workers.journal.writer import JournalWriter
from workers.lease import Lease
from workers.runner import JobRunner
from workers.telling.publisher import Publisher
from workers.tools.calling import ToolCalls
from workers.tools.registry import BUILT_IN

__all__ = ["configured"]


@pytest.fixture
def alone() -> bool:
    """Whether the worker was started for one job that was present at crashes."""
    return False


@pytest_asyncio.fixture(loop_scope="session")
async def crew(configured: Configured, redis_url: str, litellm: Any, alone: bool) -> AsyncIterator[Crew]:
    """Incarnation A, alive, with the built-in tools."""
    clock = SystemClock()
    rows = Rows(configured.engine)
    rows.incarnation("A")
    writer = JournalWriter(configured.engine.url.render_as_string(hide_password=False))
    writer.start()
    lease = Lease(clock)
    lease.renew(clock.monotonic() + 1000)
    async with open_station(configured, redis_url, litellm, "A", lease.may_start) as station:
        announcer = Announcer(station.client)
        publisher = Publisher(client=station.client, clock=clock, keep_seconds=3600)
        runner = JobRunner(
            writer=writer,
            announcer=announcer,
            publisher=publisher,
            incarnation="A",
            clock=clock,
            jitter=lambda: 0.0,
            alone=alone,
        )
        tools = dict(BUILT_IN)
        tool_calls = ToolCalls(threads=4)
        loop = AgentLoop(
            router=station.router,
            facts=ModelFacts(litellm),
            configuration=station.configuration,
            acting=Acting(
                tools=tools,
                calls=tool_calls,
                record=runner.record,
                start=runner.start_tool,
                may_start=lease.may_start,
            ),
            record=runner.record,
            goes_back=runner.goes_back if alone else None,
        )
        runner.loop = loop
        yield Crew(configured, rows, runner, lease, announcer, tools, tool_calls, writer, publisher, station.client)
        await announcer.flush()  # the next test listens to the same Redis
        tool_calls.stop()
    assert writer.close(timeout=10)
