"""A worker that is stopped and goes on much later: others have its jobs by then, and it must do nothing to them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from sqlalchemy import func, select

from shared.db.reading import reading
from shared.db.tables import attempts, incarnations, steps
from tests.chaos.load import Load
from tests.chaos.outages_kinds import stopped
from tests.chaos.world import World
from tests.waiting import wait_until
from watchkeeper.contract import jobs
from watchkeeper.states import JobState

_STOPPED_SECONDS = 25.0  # longer than its lease, and than the rescuer's patience
_AWAKE_SECONDS = 3.0
_LONGEST_SECONDS = 60.0


@dataclass(slots=True)
class Stopped:
    """What came of it."""

    supervisor_too: bool
    held: int = 0
    replaced_seconds: float | None = None
    rescued_seconds: float = 0.0
    zombie_writes: int = 0
    zombie_calls: int = 0
    why: str = ""

    @property
    def failed(self) -> bool:
        """True when it did anything, or nobody took its place in time."""
        late = self.replaced_seconds is not None and self.replaced_seconds > 15
        return bool(self.zombie_writes or self.zombie_calls) or late or self.rescued_seconds > _LONGEST_SECONDS

    def line(self) -> str:
        """For people."""
        whom = "supervisor and worker" if self.supervisor_too else "worker"
        replaced = "" if self.replaced_seconds is None else f"replaced after {self.replaced_seconds:.1f} s, "
        return (
            f"{whom} stopped for {_STOPPED_SECONDS:g} s with {self.held} jobs: {replaced}all of them with others "
            f"after {self.rescued_seconds:.1f} s; awake again it wrote {self.zombie_writes} rows and began "
            f"{self.zombie_calls} calls ({self.why})"
        )


def stop_a_worker(world: World, load: Load, *, supervisor_too: bool) -> Stopped:
    """SIGSTOP one that holds jobs, and SIGCONT later."""
    found = Stopped(supervisor_too)
    before = _ready(world)
    incarnation = wait_until(lambda: next((id for id in before if len(_held(world, id)) >= 3), None), 30)
    processes = [psutil.Process(before[incarnation])]
    if supervisor_too:
        controller = psutil.Process(world.supervisor.pid)
        processes += [controller, *controller.children()]
    begun = time.monotonic()
    with stopped(processes):
        held = _held(world, incarnation)
        found.held = len(held)
        if not supervisor_too:
            found.replaced_seconds = _seconds(
                begun, lambda: len(set(_ready(world)) - {incarnation}) >= world.processes
            )
        found.rescued_seconds = _seconds(begun, lambda: not _held(world, incarnation))
        _seconds(time.monotonic(), lambda: _ended(world, held))
        time.sleep(max(0.0, begun + _STOPPED_SECONDS - time.monotonic()))
        awake_ms = time.time_ns() // 1_000_000
    time.sleep(_AWAKE_SECONDS)
    wait_until(lambda: len(_ready(world)) >= world.processes, 90)
    marks = {load.accepted[job_id] for job_id in held if job_id in load.accepted}
    found.zombie_calls = sum(entry.mark in marks and entry.at_ms >= awake_ms for entry in world.provider.log())
    with reading(world.engine) as connection:
        for rows, at in ((steps, steps.c.finished_at), (attempts, attempts.c.started_at)):
            query = select(func.count()).select_from(rows).where(rows.c.job_id.in_(held), at >= awake_ms)
            found.zombie_writes += connection.execute(query).scalar_one()
        found.why = str(
            connection.execute(select(incarnations.c.ended_why).where(incarnations.c.id == incarnation)).scalar_one()
        )
    return found


def _seconds(begun: float, happened: Callable[[], bool]) -> float:
    """Since `begun` until it happened; infinite when that is too long."""
    while not happened():
        if time.monotonic() > begun + _LONGEST_SECONDS:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - begun


def _ready(world: World) -> dict[str, int]:
    with reading(world.engine) as connection:
        rows = connection.execute(
            select(incarnations.c.id, incarnations.c.pid).where(
                incarnations.c.ended_at.is_(None), incarnations.c.heartbeat > 0, incarnations.c.state == "ready"
            )
        )
        return {row.id: row.pid for row in rows}


def _held(world: World, incarnation: str) -> list[str]:
    with reading(world.engine) as connection:
        return list(
            connection.execute(
                select(jobs.c.id).where(jobs.c.state == JobState.RUNNING, jobs.c.claimed_by == incarnation)
            ).scalars()
        )


def _ended(world: World, job_ids: list[str]) -> bool:
    with reading(world.engine) as connection:
        left = select(func.count()).select_from(jobs).where(jobs.c.id.in_(job_ids), jobs.c.finished_at.is_(None))
        return connection.execute(left).scalar_one() == 0
