"""What one more worker costs: memory of its own and time from start to ready, beside dramatiq's own command."""

import time
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]  # it ships no types

from bench.figures import judged, percentile
from bench.memory import Footprint, family, footprint
from bench.story import Story
from bench.systems import Ours, ours, peer, start_sandbox, until
from sandbox.control import SandboxControl
from shared.supervision.orders import Action, Order

THREADS = 200
WORKERS = 2
STARTS = 20
_IDLE_MIB, _USED_MIB, _START_MS = 20.0, 45.0, 150.0


@dataclass(frozen=True, slots=True)
class Peers:
    """dramatiq's worker processes: unique MiB of each after its calls, and seconds until the first answer."""

    megabytes: list[float]
    seconds: float


def run(count: int, database: str) -> None:
    """Measure with `count` jobs for each worker, and print."""
    with start_sandbox() as url, SandboxControl(url) as control:
        theirs = _peer(url, control, count)
        with ours(url, database, processes=WORKERS, threads=THREADS, supervised=True) as system:
            found = _memory(system, control, count)
            starts = _starts(system)
    print(f"\none more worker of {THREADS} threads, {database}; {count} jobs for each")
    print(
        f"  dramatiq + litellm.Router: {min(theirs.megabytes):.0f} to {max(theirs.megabytes):.0f} MiB of its own "
        f"after them; {theirs.seconds:.1f} s from start to the first answer"
    )
    for name, workers in found.items():
        goal = _IDLE_MIB if name == "idle" else _USED_MIB
        most = max(one.unique_mib for one in workers)
        times = min(theirs.megabytes) / most
        print(
            f"  ours, {name}: {most:.1f} MiB, {max(one.threads for one in workers)} threads "
            f"(goal <= {goal:g}: {judged(most <= goal)}; the peer's is {times:.1f} x)"
        )
    p50, p95 = percentile(starts, 50), percentile(starts, 95)
    print(
        f"  start to ready, {len(starts)} one after another: p50 {p50:.0f} ms, p95 {p95:.0f} ms, "
        f"max {max(starts):.0f} ms (goal p50 <= {_START_MS:g}: {judged(p50 <= _START_MS)})"
    )


def _peer(url: str, control: SandboxControl, count: int) -> Peers:
    begun = time.monotonic()
    with peer(url, tuned=False, processes=WORKERS, threads=THREADS) as system:
        system.put(WORKERS)
        until(lambda: control.calls()["total"] > 0)
        seconds = time.monotonic() - begun
        system.put(WORKERS * count)
        until(lambda: control.calls()["total"] >= WORKERS * (count + 1), seconds=600)
        time.sleep(3.0)
        children = psutil.Process(system.pids[0]).children(recursive=True)
        found = sorted((footprint(child).unique_mib for child in children), reverse=True)
        return Peers(found[:WORKERS], seconds)


def _memory(system: Ours, control: SandboxControl, count: int) -> dict[str, list[Footprint]]:
    """Idle; after jobs of a provider that answers at once; after others that fill every thread for a second."""
    time.sleep(5.0)  # what a start does later is over
    found = {"idle": _workers(system)}
    for round_, (name, seconds) in enumerate((("after the jobs", 0.0), (f"after {THREADS} at a time", 1.0)), 1):
        control.set_default("ok", delay_seconds=seconds)
        system.put(WORKERS * count)
        until(lambda: system.completed() == round_ * WORKERS * count, seconds=600)  # noqa: B023
        time.sleep(3.0)
        found[name] = _workers(system)
    return found


def _workers(system: Ours) -> list[Footprint]:
    return [footprint(worker) for worker in family(system.pids[0])[2]]


def _starts(system: Ours) -> list[float]:
    """Each worker is replaced while nothing else happens."""
    assert system.log is not None
    told = Story(system.log, WORKERS).read()
    for _ in range(STARTS):
        before = told.ended
        system.order(Order(Action.RECYCLE, why="bench", by="bench", incarnation=system.live()[0]))
        until(lambda: told.read().ended > before)  # noqa: B023
        time.sleep(0.5)
    return told.start_ms[WORKERS:]
