"""Every worker is replaced again and again under full load: nothing repeated, no capacity lost, nothing grows."""

import time
from dataclasses import dataclass

import redis

from bench.feeding import fed
from bench.figures import judged, percentile
from bench.memory import family, footprint
from bench.story import Story
from bench.systems import Ours, ours, start_sandbox, until
from sandbox.control import SandboxControl
from shared.supervision.orders import Action, Order

WORKERS = 2
THREADS = 50
IN_FLIGHT = 100
_WARM = 10
_GROWTH = 1.05


@dataclass(frozen=True, slots=True)
class Held:
    """What the whole installation's worker side holds."""

    unique_mib: dict[str, float]
    files: int
    redis_connections: int

    def grew(self, before: "Held") -> list[str]:
        """What is more than 5 % above what it was (a count: and more than two; memory: and more than 2 MiB)."""
        pairs = [(name, before.unique_mib[name], now) for name, now in self.unique_mib.items()]
        pairs += [
            ("files", before.files, self.files),
            ("redis connections", before.redis_connections, self.redis_connections),
        ]
        return [name for name, was, now in pairs if now > max(_GROWTH * was, was + 2)]

    def words(self) -> str:
        """For people."""
        memory = ", ".join(f"{name} {megabytes:.1f} MiB" for name, megabytes in self.unique_mib.items())
        return f"{memory}, {self.files} open files, {self.redis_connections} Redis connections"


def run(recycles: int, database: str) -> None:
    """Measure and print."""
    with (
        start_sandbox() as url,
        SandboxControl(url) as control,
        ours(url, database, processes=WORKERS, threads=THREADS, supervised=True) as system,
    ):
        control.set_default("ok", delay_seconds=0.2)
        begun = time.monotonic()
        assert system.log is not None
        told = Story(system.log, WORKERS)
        with fed(system, IN_FLIGHT) as feed:
            _recycle(system, told, _WARM)
            before = _held(system)
            _recycle(system, told, _WARM + recycles)
            after = _held(system)
        until(lambda: system.completed() >= feed.put)
        told.read()
        calls, done = control.calls()["total"], system.completed()
    print(
        f"\n{told.recycled} recycles, {WORKERS} workers, {IN_FLIGHT} jobs in flight, {database}, "
        f"{time.monotonic() - begun:.0f} s"
    )
    print(
        f"  {done} jobs, {calls} calls: {calls - done} repeated (goal 0: {judged(calls == done)}); died {told.died}"
    )
    print(
        f"  fewest ready workers {told.least_ready} (goal {WORKERS}: {judged((told.least_ready or 0) >= WORKERS)}), "
        f"most processes {told.most_processes} (goal <= {WORKERS + 1}: {judged(told.most_processes <= WORKERS + 1)})"
    )
    starts = told.start_ms[WORKERS:]
    print(
        f"  start to ready under this load: p50 {percentile(starts, 50):.0f} ms, p95 {percentile(starts, 95):.0f} ms"
    )
    grown = after.grew(before)
    print(f"  after {_WARM} recycles: {before.words()}\n  at the end: {after.words()}")
    print(f"  (goal flat: {judged(not grown)}{' ' + ', '.join(grown) if grown else ''})")


def _recycle(system: Ours, told: Story, until_then: int) -> None:
    """The oldest first, one after the other: the next is asked for when the last has ended."""
    while told.read().recycled < until_then:
        before = told.ended
        system.order(Order(Action.RECYCLE, why="bench", by="bench", incarnation=system.live()[0]))
        until(lambda: told.read().ended > before)  # noqa: B023


def _held(system: Ours) -> Held:
    until(lambda: len(system.live()) == WORKERS)
    time.sleep(3.0)
    controller, forker, workers = family(system.pids[0])
    members = [footprint(worker) for worker in workers]
    unique = {
        "controller": footprint(controller).unique_mib,
        "forker": footprint(forker).unique_mib,
        "a worker": sum(one.unique_mib for one in members) / len(members),
    }
    files = sum(footprint(process).files for process in (controller, forker))
    with redis.Redis.from_url(system.redis_url, decode_responses=True) as client:
        return Held(unique, files, len(client.client_list()))
