"""Carries out one blow and watches how the system gets up again."""

import os
import signal
import time
from dataclasses import dataclass, field

import psutil
from sqlalchemy import select

from shared.db.reading import reading
from shared.db.tables import incarnations
from tests.chaos.blows import Blow
from tests.chaos.world import Service, World
from tests.waiting import wait_until
from watchkeeper.contract import jobs
from watchkeeper.states import JobState

_POINT_SECONDS = 10.0
_RECOVERY_SECONDS = 60.0
_ORPHAN_SECONDS = 5.0


@dataclass(slots=True)
class Recovery:
    """Milliseconds, one for each kill or job in flight."""

    job_runs_again: list[float] = field(default_factory=list)
    workers_complete: list[float] = field(default_factory=list)
    orphans: int = 0
    not_reached: list[str] = field(default_factory=list)
    hits: dict[str, int] = field(default_factory=dict)
    given_up: int = 0
    """Times the supervisor ended by itself, for its restart budget was spent."""
    kills: list[tuple[int, list[str]]] = field(default_factory=list)
    """Of workers: when (ms), and the jobs they had in hand."""


@dataclass(slots=True)
class Striker:
    """One blow after the other on one world."""

    world: World
    recovery: Recovery = field(default_factory=Recovery)

    def strike(self, blow: Blow) -> None:
        """Do it, and return once every worker is back and every job in flight runs again or is over."""
        time.sleep(blow.pause)
        match blow.target:
            case "controller":
                self._controller()
            case "forker":
                self._forker()
            case "scheduler":
                self._restart(blow, self.world.scheduler)
            case "valkey":
                self._restart(blow, self.world.valkey)
            case "worker":
                self._worker(blow)
            case point:
                self._at_point(point)
        self.recovery.hits[blow.target] = self.recovery.hits.get(blow.target, 0) + 1

    def _worker(self, blow: Blow) -> None:
        alive = wait_until(self._workers)
        incarnation = sorted(alive)[int(blow.pick * len(alive))]
        at_ms, victims = _now_ms(), self._held_by(incarnation)
        try:
            os.kill(alive[incarnation], signal.SIGKILL)
        except ProcessLookupError:
            return
        self._watch(at_ms, victims, incarnation)

    def _at_point(self, point: str) -> None:
        before = len(self.world.kills_at_points())
        self.world.arm(point)
        held: dict[str, str] = {}
        alive = self._workers()
        end = time.monotonic() + _POINT_SECONDS
        while len(self.world.kills_at_points()) == before:
            if time.monotonic() > end and self.world.disarm(point):
                self.recovery.not_reached.append(point)
                return
            held, alive = self._held(), self._workers()
            time.sleep(0.01)
        told = self.world.kills_at_points()[-1]
        incarnation = next((id for id, pid in alive.items() if pid == told["pid"]), None)
        self._watch(int(told["at_ms"]), [job for job, by in held.items() if by == incarnation], incarnation)

    def _controller(self) -> None:
        family = {process.pid for process in psutil.Process(self.world.supervisor.pid).children(recursive=True)}
        self.world.supervisor.kill()
        end = time.monotonic() + _ORPHAN_SECONDS
        while time.monotonic() < end and any(_lives(pid) for pid in family):
            time.sleep(0.02)
        self.recovery.orphans += sum(_lives(pid) for pid in family)
        self.world.supervisor.start()
        wait_until(self._complete, _RECOVERY_SECONDS)

    def _forker(self) -> None:
        children = psutil.Process(self.world.supervisor.pid).children()
        for child in children:
            if "forker" in " ".join(child.cmdline()):
                child.kill()
        wait_until(self._complete, _RECOVERY_SECONDS)

    def _restart(self, blow: Blow, service: Service) -> None:
        service.kill()
        time.sleep(blow.pick)
        service.start()
        wait_until(self.world.redis_answers)

    def _watch(self, at_ms: int, victims: list[str], incarnation: str | None) -> None:
        """Until the worker is replaced and what it held runs again."""
        self.recovery.kills.append((at_ms, victims))
        waiting = set(victims)
        complete = False
        end = time.monotonic() + _RECOVERY_SECONDS
        while waiting or not complete:
            self._manage()
            if time.monotonic() > end:
                raise AssertionError(
                    f"not within {_RECOVERY_SECONDS} s: {sorted(waiting)}, complete={complete}\n"
                    + self.world.supervisor.last_words()
                )
            if not complete and self._complete(without=incarnation):
                complete = True
                self.recovery.workers_complete.append(_now_ms() - at_ms)
            for job_id, since_ms in self._running_again(waiting, at_ms):
                self.recovery.job_runs_again.append(max(0, since_ms - at_ms))
                waiting.discard(job_id)
            time.sleep(0.01)

    def _manage(self) -> None:
        """What the service manager of a host does: a supervisor that gave up is started again."""
        if self.world.supervisor.ended():
            self.recovery.given_up += 1
            self.world.supervisor.start()

    def _running_again(self, waiting: set[str], at_ms: int) -> list[tuple[str, int]]:
        if not waiting:
            return []
        with reading(self.world.engine) as connection:
            rows = connection.execute(
                select(jobs.c.id, jobs.c.state, jobs.c.claimed_at, jobs.c.finished_at).where(jobs.c.id.in_(waiting))
            ).all()
        again = [(row.id, row.claimed_at) for row in rows if row.claimed_at > at_ms]
        over = [(row.id, at_ms) for row in rows if row.claimed_at <= at_ms and row.finished_at is not None]
        return again + over

    def ready(self) -> bool:
        """All workers are there."""
        return self._complete()

    def _complete(self, without: str | None = None) -> bool:
        return len(set(self._workers()) - {without}) >= self.world.processes

    def _workers(self) -> dict[str, int]:
        """Ready workers: incarnation to process id."""
        with reading(self.world.engine) as connection:
            rows = connection.execute(
                select(incarnations.c.id, incarnations.c.pid).where(
                    incarnations.c.ended_at.is_(None),
                    incarnations.c.heartbeat > 0,
                    incarnations.c.state == "ready",
                    incarnations.c.alone_with.is_(None),
                )
            ).all()
        return {row.id: row.pid for row in rows}

    def _held(self) -> dict[str, str]:
        with reading(self.world.engine) as connection:
            rows = connection.execute(select(jobs.c.id, jobs.c.claimed_by).where(jobs.c.state == JobState.RUNNING))
            return {row.id: row.claimed_by for row in rows}

    def _held_by(self, incarnation: str) -> list[str]:
        return [job for job, by in self._held().items() if by == incarnation]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
