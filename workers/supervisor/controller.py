"""`watchkeeper worker`: watches the workers and acts on what `Fleet` decides. It never imports litellm."""

import os
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import uuid4

import structlog

from shared.clock import Clock, SystemClock
from shared.db.problems import translated
from shared.settings import Settings
from shared.stores import open_stores
from shared.supervision.orders import Action, Order
from workers.supervisor.asking import BLOCK_SECONDS, Asking
from workers.supervisor.fleet import Effect, Fleet, GiveUp, Start
from workers.supervisor.forking import Forking
from workers.supervisor.hands import Hands
from workers.supervisor.hearing import Hearing
from workers.supervisor.kinds import kinds_in_use
from workers.supervisor.life import START_SECONDS
from workers.supervisor.member import Bury, Dump, Kill, Ready, ReplaceForker, Tell, Unforked
from workers.supervisor.obeying import obey
from workers.supervisor.records import Records
from workers.supervisor.ringing import Ringing
from workers.supervisor.service_manager import ServiceManager

log = structlog.get_logger()

_TICK_SECONDS: Final = 0.1
_FORKER_SECONDS: Final = 6.0  # the forker kills what is left after four
_RECORDS_SECONDS: Final = 5.0

Asked = Callable[[float], list[Effect]]


class Controller:
    """One supervisor. `run` returns once `stop` was called and every worker has ended."""

    def __init__(
        self,
        settings: Settings,
        *,
        supervisor: str | None = None,
        processes: int | None = None,
        start_seconds: float = START_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        """Describe it.

        Args:
            supervisor: the id it is known by; made up when not given.
            processes: how many workers it keeps; default: what the settings say.
            start_seconds: how long a worker may take from fork to ready while SQL answers.
        """
        self._settings = settings
        self._clock = clock or SystemClock()
        self.supervisor = supervisor or str(uuid4())
        self._fleet = Fleet(
            size=settings.worker_processes if processes is None else processes,
            drain_seconds=settings.drain_seconds,
            start_seconds=start_seconds,
            new_id=lambda: str(uuid4()),
        )
        self._asked: queue.SimpleQueue[Asked] = queue.SimpleQueue()
        # What the installation uses is known once its database is open.
        self._forking = Forking(os.environ, self._clock)
        self._hearing = Hearing(self._forking)
        self._manager = ServiceManager(settings.environ)
        self._was_ready = False
        self._may_run_alone = threading.Event()
        self._failed: str | None = None

    def stop(self) -> None:
        """Drain every worker; a second call has them hand back at once. Safe in a signal handler."""
        self._ask(self._end)

    def run(self) -> int:
        """Keep the workers until stopped. 0, or 1 when they would not stay up.

        Raises:
            ServiceError: it cannot start; says what to do.
        """
        signal.signal(signal.SIGHUP, lambda *_: self._ask(self._roll))
        stores = open_stores(self._settings, name="watchkeeper-supervisor", pool_size=3, block_seconds=BLOCK_SECONDS)
        with translated(stores.engine.url):
            self._forking.kinds = kinds_in_use(stores.engine)
            ringing = Ringing(stores.redis)
            self._records = Records(stores.engine, self.supervisor, died=ringing.died, clock=self._clock)
            self._records.open(self._fleet.size, self._settings.worker_threads)
        self._hands = Hands(self.supervisor, self._hearing, self._forking, self._records)
        asking = Asking(
            stores.redis,
            self.supervisor,
            ordered=lambda order: self._ask(lambda now: self._obey(order, now)),
            alone=lambda job_id: self._ask(lambda _: self._run_alone(job_id)),
            may_run_alone=self._may_run_alone.is_set,
        )
        log.info(
            "supervisor.started",
            supervisor=self.supervisor,
            processes=self._fleet.size,
            threads=self._settings.worker_threads,
        )
        asking.start()
        ringing.start()
        while self._fleet.members or self._fleet.stopping is None:
            self._turn()
        asking.stop()
        self._forking.close(_FORKER_SECONDS)
        untold = self._records.close(self._failed or "stopped", _RECORDS_SECONDS)
        ringing.stop()
        if untold:
            ringing.leave(untold)
        stores.close()
        log.info("supervisor.stopped", supervisor=self.supervisor)
        return 0 if self._failed is None else 1

    def _turn(self) -> None:
        """Hear everybody first, then judge: who spoke while we were busy has spoken."""
        heard = self._hearing.wait(_TICK_SECONDS)
        now = self._clock.monotonic()
        for incarnation, event in heard:
            if isinstance(event, Ready):
                self._log_ready(incarnation, now)
            self._do(self._fleet.happened(incarnation, event, now))
        with suppress(queue.Empty):
            while True:
                self._do(self._asked.get_nowait()(now))
        if self._fleet.stopping is None:
            self._mind_forker(now)
        self._hearing.follow_forker()
        self._do(self._fleet.tick(now, can_fork=self._forking.warm, sql_answers=not self._records.silent))
        if self._fleet.may_run_alone and self._forking.warm:
            self._may_run_alone.set()
        else:
            self._may_run_alone.clear()
        self._tell_manager(now)

    def _mind_forker(self, now: float) -> None:
        if self._forking.check():
            # Whom it was asked for and did not fork will not come.
            for member in [member for member in self._fleet.members.values() if member.pid is None]:
                self._do(self._fleet.happened(member.incarnation, Unforked("its forker died"), now))
        if self._forking.failing is not None and self._fleet.size and not self._fleet.ready:
            self._give_up(self._forking.failing)

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Start(member):
                    hindered = self._hands.start(effect)
                    if hindered is not None:
                        now = self._clock.monotonic()
                        self._do(self._fleet.happened(member.incarnation, hindered, now))
                case Tell():
                    self._hands.tell(effect, asked=self._fleet.stopping is None)
                case Dump():
                    self._hands.dump(effect)
                case Kill():
                    self._hands.kill(effect)
                case Bury():
                    self._hands.bury(effect)
                case ReplaceForker(why):
                    self._forking.kill(why)
                case GiveUp(why):
                    self._give_up(why)

    def _give_up(self, why: str) -> None:
        if self._failed is None:
            self._failed = f"gave up: {why}"
            log.error(
                "supervisor.giving_up", why=why, advice="see the lines above; whoever runs this may start it again"
            )
            self._do(self._fleet.stop("drain", self._failed, self._clock.monotonic()))

    def _ask(self, asked: Asked) -> None:
        """Have the watching thread do it; from any thread, or a signal handler."""
        self._asked.put(asked)
        self._hearing.wake()

    def _end(self, now: float) -> list[Effect]:
        word = "drain" if self._fleet.stopping is None else "hurry"
        log.info("supervisor.stopping", workers=len(self._fleet.members), how=word)
        self._manager.stopping(self._settings.drain_seconds)
        return self._fleet.stop(word, "stopped", now)

    def _roll(self, _now: float) -> list[Effect]:
        log.info("supervisor.rolling", why="SIGHUP")
        self._fleet.roll("rolled by SIGHUP")
        return []

    def _obey(self, order: Order, now: float) -> list[Effect]:
        log.info("supervisor.ordered", action=order.action, incarnation=order.incarnation, why=order.why, by=order.by)
        if order.action is Action.SCALE and order.processes is not None:
            self._records.scaled(order.processes)
        if order.incarnation is not None:
            member = self._fleet.members.get(order.incarnation)
            lone = member is not None and member.extra and order.action is Action.RECYCLE
            if member is None or lone:
                why = "it runs one job alone and ends with it" if lone else "it has ended"
                log.info("supervisor.order_past", action=order.action, incarnation=order.incarnation, why=why)
        return obey(order, self._fleet, now)

    def _run_alone(self, job_id: str) -> list[Effect]:
        log.warning("supervisor.runs_alone", job=job_id, advice="it was present at two crashes: see `jobs show`")
        self._fleet.run_alone(job_id)
        return []

    def _log_ready(self, incarnation: str, now: float) -> None:
        member = self._fleet.members.get(incarnation)
        if member is not None:
            milliseconds = round((now - member.born_at) * 1000)
            log.info("worker.counts", slot=member.slot, incarnation=incarnation, pid=member.pid, ms=milliseconds)

    def _tell_manager(self, now: float) -> None:
        ready, size = self._fleet.ready, self._fleet.size
        status = f"{ready} of {size} workers ready"
        if not self._was_ready and ready >= size and self._fleet.stopping is None:
            self._was_ready = True
            log.info("supervisor.ready", supervisor=self.supervisor, ready=ready)
        if (self._was_ready or ready) and self._fleet.stopping is None:
            self._manager.serving(now, status, all_ready=self._was_ready)
        self._manager.alive(now, status)
