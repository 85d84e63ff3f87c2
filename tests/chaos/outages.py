"""`make chaos ARGS=--outages`: takes Redis and SQL away under load, gives them back, and judges."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from shared.db.reading import reading
from tests.chaos.load import Load
from tests.chaos.oracle import judge
from tests.chaos.outages_kinds import REDIS, SQL, WIPE, outage
from tests.chaos.outages_measuring import Outage, Outages, endings, given_up, measure
from tests.chaos.outages_stopped import stop_a_worker
from tests.chaos.striking import Striker
from tests.chaos.world import World, open_world
from tests.waiting import wait_until
from watchkeeper.contract import jobs
from watchkeeper.errors import StoreUnavailable
from watchkeeper.states import JobState

_CANCEL_FROM_SECONDS = 4.0  # shorter outages are over before a cancel in them says anything
_ANSWER_SECONDS = 12.0
_MOVING_SECONDS = 40.0
_SETTLE_SECONDS = 120.0
_DRAIN_SECONDS = "5"


def planned(database: str, seconds: Iterable[float]) -> list[Outage]:
    """Every kind for each duration, the wipe, and one of each store in which the supervisor is told to drain."""
    plan = [Outage(kind, length) for length in seconds for kind in (*REDIS, *SQL[database])]
    drains = [Outage(kind, 0, drained_seconds=0.0) for kind in ("redis stopped", SQL[database][0])]
    return [*plan, Outage(WIPE, 0), *drains]


def run_outages(
    plan: list[Outage],
    *,
    database: str,
    processes: int = 2,
    threads: int = 16,
    unfinished: int = 24,
    reply_seconds: float = 0.15,
    stop_workers: bool = True,
    keep: Path | None = None,
) -> Outages:
    """One after the other under load; then let everything finish and ask the witnesses.

    Args:
        stop_workers: stop one too, and go on with it later; alone, and together with its supervisor.
        keep: a folder for the services' logs.
    """
    with open_world(
        database, processes=processes, threads=threads, proxied=True, WATCHKEEPER_DRAIN_SECONDS=_DRAIN_SECONDS
    ) as world:
        striker, load = Striker(world), Load(world, unfinished, reply_seconds)
        robbed: list[str] = []
        load.start()
        wait_until(lambda: len(load.accepted) >= unfinished and striker.ready(), 60)
        try:
            for one in plan:
                _suffer(world, one)
                _await_all(world, one)
                robbed = given_up(world) if one.drained_seconds is None else robbed
                wait_until(striker.ready, 90)
            zombies = [stop_a_worker(world, load, supervisor_too=too) for too in (False, True) if stop_workers]
            load.finish()
            wait_until(lambda: load.left() == 0, _SETTLE_SECONDS)
        finally:
            load.finish()
            if keep is not None:
                world.keep_logs(keep)
        measure(world, plan)
        verdict, ended = judge(world, load.accepted), endings(world)
    return Outages(database, verdict, plan, zombies, robbed, load.refused, len(world.orphans), ended)


def _suffer(world: World, one: Outage) -> None:
    cancels = one.drained_seconds is None and one.seconds >= _CANCEL_FROM_SECONDS
    with _slow_job(world) if cancels else _no_job() as job_id:
        one.began_ms = _now_ms()
        with outage(world, one.kind):
            end = time.monotonic() + one.seconds
            if job_id is not None:
                time.sleep(one.seconds / 4)
                _cancel(world, one, job_id, end)
            if one.drained_seconds is not None:
                one.drained_seconds = _drain(world)
            time.sleep(max(0.0, end - time.monotonic()))
            one.returned_ms = _now_ms()
        one.returned_ms = max(one.returned_ms, _now_ms() if "killed" in one.kind else 0)
        if one.drained_seconds is not None:
            world.supervisor.start()


@contextmanager
def _no_job() -> Iterator[None]:
    yield None


@contextmanager
def _slow_job(world: World) -> Iterator[str]:
    """A job whose reply takes longer than any outage, begun; it is cancelled in the end, whatever happened before."""
    job_id = world.client.enqueue("default", "[[slow=600]] go", priority="high").id
    wait_until(lambda: _state(world, job_id) is JobState.RUNNING, 30)
    yield job_id
    world.client.cancel(job_id)
    wait_until(lambda: _state(world, job_id) is JobState.CANCELLED, 30)


def _cancel(world: World, one: Outage, job_id: str, end: float) -> None:
    """From a thread: a store that does not answer must not hold up the outage's end."""
    said: list[str] = []

    def cancel() -> None:
        begun = time.monotonic()
        try:
            world.client.cancel(job_id)
            said.append(f"accepted in {time.monotonic() - begun:.1f} s")
        except StoreUnavailable as error:
            said.append(f"refused in {time.monotonic() - begun:.1f} s ({str(error)[:60]})")

    begun = time.monotonic()
    asking = threading.Thread(target=cancel, daemon=True)
    asking.start()
    asking.join(min(_ANSWER_SECONDS, max(0.1, end - begun)))
    one.cancelling = said[0] if said else "no answer in the outage"
    if not one.hinders_storing and said:
        wait_until(lambda: _state(world, job_id) is JobState.CANCELLED, 30)
        one.cancelled_after_ms = (time.monotonic() - begun) * 1000


def _drain(world: World) -> float:
    """Seconds from TERM to the end of the supervisor and all its workers."""
    time.sleep(1)
    begun = time.monotonic()
    process = world.supervisor.process
    assert process is not None
    process.terminate()
    process.wait(60)
    return time.monotonic() - begun


def _state(world: World, job_id: str) -> JobState:
    with reading(world.engine) as connection:
        return JobState(connection.execute(select(jobs.c.state).where(jobs.c.id == job_id)).scalar_one())


def _await_all(world: World, one: Outage) -> None:
    """Until every job that was there at the return has ended."""
    waiting = select(jobs.c.id, jobs.c.state, jobs.c.claimed_by, jobs.c.steps).where(
        jobs.c.enqueued_at < one.returned_ms, jobs.c.finished_at.is_(None)
    )
    end = time.monotonic() + _MOVING_SECONDS
    while time.monotonic() < end:
        with reading(world.engine) as connection:
            left = connection.execute(waiting).all()
        if not left:
            return
        time.sleep(0.05)
    one.stuck = [str(tuple(row)) for row in left]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
