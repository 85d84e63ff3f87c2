"""The composition root of a worker: every part that lives on its event loop, built once and handed what it uses."""

import asyncio
import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis.asyncio

from shared.clock import Clock
from shared.redis.connect import connect_redis_async
from shared.settings import Settings
from shared.stores import Stores
from workers.agent.acting import Acting
from workers.agent.loop import AgentLoop
from workers.agent.model_facts import ModelFacts
from workers.announcer import Announcer
from workers.cancelling import watch_cancels
from workers.database_clock import DatabaseClock
from workers.incarnation import Identity
from workers.journal.writer import JournalWriter
from workers.lease import Lease, keep_alive
from workers.llm.call import LlmCalls
from workers.relief import Relief
from workers.router.aftermath import Aftermath
from workers.router.attempts import Attempts
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.router.prices import Prices
from workers.router.router import Router
from workers.runner import JobRunner
from workers.starting import Starting
from workers.strays import Strays
from workers.telling.publisher import Publisher
from workers.tools.calling import ToolCalls
from workers.tools.mcp.configuration import ServerConfig
from workers.tools.mcp.offering import put_in
from workers.tools.mcp.servers import McpServers
from workers.tools.registry import Tool
from workers.vitals import VitalSigns
from workers.watch import watch_configuration


@dataclass(frozen=True, slots=True)
class Parts:
    """What lives on the event loop."""

    client: "redis.asyncio.Redis"
    announcer: Announcer
    publisher: Publisher
    runner: JobRunner
    lease: Lease
    configuration: Configuration
    fleet: FleetReader
    tool_calls: ToolCalls
    mcp: McpServers | None
    tasks: "list[asyncio.Task[Any]]"

    async def finish(self) -> None:
        """End the tasks and close what the parts hold; no job runs any more."""
        for task in self.tasks:
            task.cancel()
        self.tool_calls.stop()
        if self.mcp is not None:
            await self.mcp.stop()
        await asyncio.wait(self.tasks, timeout=2.0)  # they close what they opened
        await self.fleet.stop()
        await self.announcer.flush()
        await self.publisher.close(seconds=1.0)
        await self.client.aclose()


async def build(
    *,
    settings: Settings,
    identity: Identity,
    stores: Stores,
    writer: JournalWriter,
    litellm: Any,
    tools: dict[str, Tool],
    servers: Sequence[ServerConfig],
    clock: Clock,
    given_up: Callable[[], None],
    draining: Callable[[], bool],
    warm: bool,
) -> Parts:
    """Build every part and start its tasks, on the running loop.

    Args:
        tools: those of Python; the tools of `servers` join them as they come.
        given_up: called on the loop when the rescuer has given this incarnation's jobs to others.
        draining: whether this worker takes no more jobs.
        warm: litellm has made its first calls in this process, or in the one it was forked from.
    """
    # Two of the connections listen: for news of the configuration, and for jobs to be cancelled.
    client = connect_redis_async(settings.locations.redis_url, connections=10)
    jitter = random.Random().random
    database_clock = DatabaseClock(clock)
    announcer = Announcer(client)
    publisher = Publisher(client=client, clock=clock, keep_seconds=settings.stream_seconds)
    lease = Lease(clock)
    starting = Starting(lease, writer)
    vitals = VitalSigns(clock)
    fleet = FleetReader(client, clock)
    configuration = Configuration(stores.engine, stores.vault, identity.host)
    runner = JobRunner(
        writer=writer,
        announcer=announcer,
        publisher=publisher,
        incarnation=identity.incarnation,
        clock=database_clock,
        jitter=jitter,
        alone=identity.alone_with is not None,
        time_told=database_clock.set,
    )
    tool_calls = ToolCalls()
    calls = LlmCalls(litellm, lean=settings.lean_litellm, gate=starting)
    if not warm:  # with no gate: it opens with the first heartbeat
        await LlmCalls(litellm, lean=settings.lean_litellm).warm_up(
            {p.kind for p in configuration.routes.snapshot.providers.values()} | {"openai"}
        )
    # What was loaded stays: the collector's walks through it would take a quarter of a call's CPU.
    gc.collect()
    gc.freeze()
    configuration.on_swap = lambda routes: calls.keep(routes.secrets)
    router = Router(
        configuration=configuration,
        fleet=fleet,
        attempts=Attempts(calls=calls, prices=Prices(litellm), clock=database_clock),
        aftermath=Aftermath(
            client=client,
            fleet=fleet,
            writer=writer,
            incarnation=identity.incarnation,
            host=identity.host,
            clock=clock,
            jitter=jitter,
        ),
        may_start=starting.wait,
        is_open=lambda: starting.open,
    )
    runner.loop = AgentLoop(
        router=router,
        facts=ModelFacts(litellm),
        configuration=configuration,
        acting=Acting(
            tools=tools,
            calls=tool_calls,
            record=runner.record,
            start=runner.start_tool,
            may_start=starting.wait,
        ),
        record=runner.record,
        goes_back=runner.goes_back if identity.alone_with is not None else None,
    )

    mcp: McpServers | None = None
    if servers:
        mcp = McpServers(servers, offer=partial(put_in, tools), jitter=jitter)
        mcp.start()

    def fenced() -> None:
        runner.abandon()
        given_up()

    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[Any]] = [
        loop.create_task(
            keep_alive(
                writer=writer,
                lease=lease,
                clock=clock,
                incarnation=identity.incarnation,
                running=lambda: runner.running,
                generation=lambda: configuration.routes.generation,
                fenced=fenced,
                swapped=configuration.swapped,
                vitals=vitals,
                jobs_done=lambda: runner.done,
                draining=draining,
            )
        ),
        loop.create_task(vitals.watch()),
        loop.create_task(Relief(lambda: runner.running, lambda: runner.done).watch()),
        loop.create_task(writer.watch()),
        loop.create_task(watch_configuration(fleet, configuration, client)),
        loop.create_task(watch_cancels(client, runner, clock)),
        loop.create_task(Strays(writer, announcer, identity.incarnation, runner.holds).watch()),
    ]
    return Parts(client, announcer, publisher, runner, lease, configuration, fleet, tool_calls, mcp, tasks)
