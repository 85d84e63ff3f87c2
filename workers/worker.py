"""The worker process: started, drained, stopped. What it consists of is built in `building.py`."""

import socket
from contextlib import suppress
from typing import Final
from uuid import uuid4

import structlog

from shared.clock import Clock, SystemClock
from shared.flag import Flag
from shared.settings import Settings
from shared.stores import Stores, open_stores
from workers.building import Parts, build
from workers.consuming import BLOCK_SECONDS, Consumer
from workers.equipment import CONNECTIONS, NAME, Equipment, equip
from workers.event_loop import EventLoop
from workers.incarnation import Identity, register, sign_off
from workers.journal.writer import JournalWriter
from workers.lease import Fenced
from workers.owner import Owner, ended_early
from workers.router.chains import log_chains

log = structlog.get_logger()

_HAND_BACK_SECONDS: Final = 4.0  # how long SQL may take to store what running jobs have reached


class Worker:
    """One incarnation. `run` returns the exit code once `stop` was called and everything is handed back."""

    def __init__(
        self,
        settings: Settings,
        *,
        incarnation: str | None = None,
        supervisor: str | None = None,
        alone_with: str | None = None,
        owner: Owner | None = None,
        equipment: Equipment | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Describe it.

        Args:
            incarnation: the id it is known by; made up when not given.
            supervisor: the id of the supervisor that started it.
            alone_with: run one turn of this job and end, instead of taking what the queue has.
            owner: its line to that supervisor.
            equipment: what the process it was forked from has loaded for it.
        """
        self._settings = settings
        self._clock = clock or SystemClock()
        self._identity = Identity(incarnation or str(uuid4()), socket.gethostname(), supervisor, alone_with)
        self._owner = owner
        self._equipment = equipment
        self._stopping = Flag()
        self._hurry = Flag()
        self._why = "stopped"
        self._stopped_before = False  # by a signal; a supervisor's word may come before or after the same one
        self._loop = EventLoop()

    def drain(self) -> None:
        """Finish what runs, take no more; a second call changes nothing."""
        self._stopping.set()

    def stop(self) -> None:
        """Drain; a second call hands running jobs back at once. Safe in a signal handler."""
        if self._stopped_before:
            self._hurry.set()
        self._stopped_before = True
        self._stopping.set()

    def hurry(self) -> None:
        """Hand running jobs back at once and end."""
        self._hurry.set()
        self._stopping.set()

    def orphaned(self) -> None:
        """Its supervisor is gone: hurry, and say so in its row."""
        self._why = "its supervisor died"
        self.hurry()

    def run(self) -> int:
        """Work until stopped. 0 = drained, 1 = given up by the rescuer, or SQL was away at the end.

        Raises:
            ServiceError: it cannot start; says what to do.
        """
        equipment = self._equipment or equip(self._settings)
        stores = open_stores(
            self._settings,
            name=NAME,
            pool_size=CONNECTIONS,
            block_seconds=BLOCK_SECONDS,
            engine=equipment.engine,
        )
        log.info("tools.loaded", tools=", ".join(sorted(equipment.tools)))
        writer = JournalWriter(self._settings.locations.database_url, self._clock, equipment.statements)
        register(stores.engine, self._identity, threads=self._settings.worker_threads)
        writer.start()
        self._loop.start()
        try:
            parts: Parts = self._loop.run(
                build(
                    settings=self._settings,
                    identity=self._identity,
                    stores=stores,
                    writer=writer,
                    litellm=equipment.litellm,
                    tools=equipment.tools,
                    servers=equipment.servers,
                    clock=self._clock,
                    given_up=self._stopping.set,
                    warm=equipment.warm,
                    draining=self._stopping.is_set,
                )
            )
        except BaseException:
            # The loop's thread would keep a process alive that never became a worker.
            self._loop.stop()
            writer.close(timeout=1.0)
            sign_off(stores, self._identity, "did not start")
            raise
        if parts.mcp is not None:
            self._loop.run(parts.mcp.first_attempts())  # jobs begun before that would lack their tools
        consumer = self._start_working(stores, parts)
        self._begin_beating(parts, writer, consumer)
        log.info("worker.ready", incarnation=self._identity.incarnation, threads=self._settings.worker_threads)
        log_chains(parts.configuration.routes, self._loop.run(parts.fleet.read()))
        self._stopping.wait()
        return self._drain(stores, writer, parts, consumer)

    def _start_working(self, stores: Stores, parts: Parts) -> Consumer | None:
        """Take what the queue has; or run the one job this process was started for, and end with it."""
        if self._identity.alone_with is not None:
            self._loop.task(self._run_alone(parts, self._identity.alone_with))
            return None
        return Consumer(stores, parts.runner.run, self._settings.worker_threads)

    async def _run_alone(self, parts: Parts, job_id: str) -> None:
        try:
            await parts.runner.run(job_id)
        finally:
            self._stopping.set()

    def _begin_beating(self, parts: Parts, writer: JournalWriter, consumer: Consumer | None) -> None:
        if self._owner is None:
            return
        owner = self._owner

        def ailing() -> str | None:
            if self._stopping.is_set():
                return None
            threads = writer.ailing() or (consumer.ailing() if consumer is not None else None)
            return threads or ended_early(parts.tasks)

        async def speak() -> None:
            # Before its first heartbeat is stored it starts nothing: whom it replaces must not drain yet.
            with suppress(Fenced):
                await parts.lease.may_start()
                owner.ready()
                await owner.beat(ailing, lambda: parts.runner.useful)

        parts.tasks.append(self._loop.task(speak()))

    def _drain(self, stores: Stores, writer: JournalWriter, parts: Parts, consumer: Consumer | None) -> int:
        log.info("worker.draining", running=parts.runner.running, seconds=self._settings.drain_seconds)
        # Thread joins cannot be interrupted by a second signal, so the wait for running jobs is ours.
        if consumer is not None:
            consumer.close()
        begun = self._clock.monotonic()
        while parts.runner.running and not self._hurry.is_set() and not parts.lease.fenced:
            if self._clock.monotonic() - begun > self._settings.drain_seconds:
                break
            self._hurry.wait(0.05)
        if parts.runner.running:
            log.warning("worker.handing_back", running=parts.runner.running)
            self._loop.run(parts.runner.hand_back(_HAND_BACK_SECONDS))
        if consumer is not None:
            consumer.stop()
        if self._owner is not None:
            self._owner.leaving()
        self._loop.run(parts.finish())
        stored = writer.close(timeout=5.0)
        self._loop.stop()
        if not parts.lease.fenced:
            sign_off(stores, self._identity, self._why, sql_answers=stored)
        stores.close()
        log.info("worker.stopped", incarnation=self._identity.incarnation)
        return 0 if stored and not parts.lease.fenced else 1
