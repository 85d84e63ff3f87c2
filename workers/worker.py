"""The worker process: built in one place, started, drained, stopped."""

import asyncio
import os
import random
import socket
import threading
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import dramatiq
import redis.asyncio
import structlog
from sqlalchemy import insert, update

from shared.clock import Clock, SystemClock
from shared.db.tables import incarnations
from shared.redis.connect import connect_redis_async
from shared.settings import Settings
from shared.stores import Stores, open_stores
from watchkeeper.clock import db_now
from workers.agent.loop import AgentLoop
from workers.announcer import Announcer
from workers.broker import ACTOR, QUEUE, WakeBroker
from workers.event_loop import EventLoop
from workers.journal.writer import JournalWriter
from workers.lease import Lease, keep_alive
from workers.llm.call import LlmCalls
from workers.llm.setup import import_litellm
from workers.router.aftermath import Aftermath
from workers.router.attempts import Attempts
from workers.router.chains import log_chains
from workers.router.configuration import Configuration
from workers.router.fleet import FleetReader
from workers.router.prices import Prices
from workers.router.router import Router
from workers.runner import JobRunner
from workers.tools.registry import BUILT_IN
from workers.watch import watch_configuration

log = structlog.get_logger()

_HAND_BACK_SECONDS = 10.0  # how long SQL may take to store what running jobs have reached
_BLOCK_SECONDS = 1.0  # a consumer waits this long in Redis; also how long a stop takes at least


@dataclass(frozen=True, slots=True)
class Parts:
    """What lives on the event loop."""

    client: "redis.asyncio.Redis"
    announcer: Announcer
    runner: JobRunner
    lease: Lease
    configuration: Configuration
    fleet: FleetReader
    tasks: "list[Any]"


class Worker:
    """One incarnation. `run` returns the exit code once `stop` was called and everything is handed back."""

    def __init__(self, settings: Settings, *, incarnation: str | None = None, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._host = socket.gethostname()
        self.incarnation = incarnation or str(uuid4())
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._loop = EventLoop()

    def stop(self) -> None:
        """Drain; a second call hands running jobs back at once. Safe in a signal handler."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def run(self) -> int:
        """Work until stopped. 0 = drained, 1 = given up by the rescuer, or SQL was away at the end.

        Raises:
            ServiceError: it cannot start; says what to do.
        """
        stores = open_stores(self._settings, name="watchkeeper-worker", pool_size=3, block_seconds=_BLOCK_SECONDS)
        litellm = import_litellm()
        writer = JournalWriter(self._settings.locations.database_url)
        self._register(stores)
        writer.start()
        self._loop.start()
        try:
            parts = self._loop.run(self._build(stores, writer, litellm))
        except BaseException:
            # The loop's thread would keep a process alive that never became a worker.
            self._loop.stop()
            writer.close(timeout=1.0)
            self._sign_off(stores, "did not start")
            raise
        broker, consumer = self._start_consuming(stores, parts)
        log.info("worker.ready", incarnation=self.incarnation, threads=self._settings.worker_threads)
        log_chains(parts.configuration.routes, self._loop.run(parts.fleet.read()))
        self._stopping.wait()
        return self._drain(stores, writer, parts, broker, consumer)

    def _register(self, stores: Stores) -> None:
        with stores.engine.begin() as connection:
            connection.execute(
                insert(incarnations).values(
                    id=self.incarnation,
                    host=self._host,
                    pid=os.getpid(),
                    started_at=db_now(),
                    heartbeat=0,
                    heartbeat_at=db_now(),
                    threads=self._settings.worker_threads,
                )
            )

    async def _build(self, stores: Stores, writer: JournalWriter, litellm: Any) -> Parts:
        # One of the connections listens for news of the configuration.
        client = connect_redis_async(self._settings.locations.redis_url, connections=9)
        jitter = random.Random().random
        announcer = Announcer(client)
        lease = Lease(self._clock)
        fleet = FleetReader(client, self._clock)
        configuration = Configuration(stores.engine, stores.vault, self._host)
        runner = JobRunner(
            writer=writer, announcer=announcer, incarnation=self.incarnation, clock=self._clock, jitter=jitter
        )
        calls = LlmCalls(litellm, lean=self._settings.lean_litellm)
        await calls.warm_up({p.kind for p in configuration.routes.snapshot.providers.values()} | {"openai"})
        configuration.on_swap = lambda routes: calls.keep(routes.secrets)
        router = Router(
            configuration=configuration,
            fleet=fleet,
            attempts=Attempts(calls=calls, prices=Prices(litellm), clock=self._clock),
            aftermath=Aftermath(
                client=client,
                fleet=fleet,
                writer=writer,
                incarnation=self.incarnation,
                host=self._host,
                clock=self._clock,
                jitter=jitter,
            ),
            may_start=lease.may_start,
            clock=self._clock,
        )
        runner.loop = AgentLoop(
            router=router,
            configuration=configuration,
            tools=BUILT_IN,
            record=runner.record,
            may_start=lease.may_start,
        )
        loop = self._loop.loop

        def fenced() -> None:
            runner.abandon()
            self._stopping.set()

        tasks = [
            loop.create_task(
                keep_alive(
                    writer=writer,
                    lease=lease,
                    clock=self._clock,
                    incarnation=self.incarnation,
                    running=lambda: runner.running,
                    generation=lambda: configuration.routes.generation,
                    fenced=fenced,
                    swapped=configuration.swapped,
                )
            ),
            loop.create_task(watch_configuration(fleet, configuration, client)),
        ]
        return Parts(client, announcer, runner, lease, configuration, fleet, tasks)

    def _start_consuming(self, stores: Stores, parts: Parts) -> tuple[WakeBroker, dramatiq.Worker]:
        threads = self._settings.worker_threads
        broker = WakeBroker(stores.redis, threads=threads, middleware=[])
        dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=QUEUE)(parts.runner.run)
        consumer = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=int(_BLOCK_SECONDS * 1000))
        consumer.start()
        return broker, consumer

    def _drain(
        self, stores: Stores, writer: JournalWriter, parts: Parts, broker: WakeBroker, consumer: dramatiq.Worker
    ) -> int:
        log.info("worker.draining", running=parts.runner.running, seconds=self._settings.drain_seconds)
        # Thread joins cannot be interrupted by a second signal, so the wait for running jobs is ours.
        broker.slots.close()
        begun = self._clock.monotonic()
        while parts.runner.running and not self._hurry.is_set() and not parts.lease.fenced:
            if self._clock.monotonic() - begun > self._settings.drain_seconds:
                break
            self._hurry.wait(0.05)
        if parts.runner.running:
            log.warning("worker.handing_back", running=parts.runner.running)
            self._loop.run(parts.runner.hand_back(_HAND_BACK_SECONDS))
        consumer.stop(timeout=5000)
        self._loop.run(_finish(parts))
        stored = writer.close(timeout=5.0)
        self._loop.stop()
        if stored and not parts.lease.fenced:
            self._sign_off(stores, "stopped")
        stores.close()
        log.info("worker.stopped", incarnation=self.incarnation)
        return 0 if stored and not parts.lease.fenced else 1

    def _sign_off(self, stores: Stores, why: str) -> None:
        with stores.engine.begin() as connection:
            connection.execute(
                update(incarnations)
                .where(incarnations.c.id == self.incarnation, incarnations.c.ended_at.is_(None))
                .values(ended_at=db_now(), ended_why=why, running=0)
            )


async def _finish(parts: Parts) -> None:
    for task in parts.tasks:
        task.cancel()
    await asyncio.wait(parts.tasks, timeout=2.0)  # they close what they opened
    await parts.fleet.stop()
    await parts.announcer.flush()
    await parts.client.aclose()
