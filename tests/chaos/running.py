"""One chaos run: load, blows, quiet, verdict."""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import percentile
from sandbox.ledger import Entry
from tests.chaos.blows import Blow
from tests.chaos.load import Load
from tests.chaos.oracle import Verdict, judge
from tests.chaos.readers import Readers
from tests.chaos.striking import Recovery, Striker
from tests.chaos.world import open_world
from tests.waiting import wait_until

_SETTLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run brought to light."""

    seed: int
    database: str
    verdict: Verdict
    readers: Readers
    recovery: Recovery
    left_processes: int
    calls_open: int
    """Kills of workers that had an LLM call open."""

    @property
    def failed(self) -> bool:
        """True when a promise was broken or something was left behind."""
        left = self.recovery.orphans or self.left_processes
        return self.verdict.broken or bool(self.readers.wrong or left)

    def lines(self) -> list[str]:
        """For people and for bench/RESULTS.md."""
        hits = ", ".join(f"{target} {times}" for target, times in sorted(self.recovery.hits.items()))
        return [
            f"seed {self.seed}, {self.database}: {sum(self.recovery.hits.values())} kills ({hits})",
            f"of {len(self.recovery.kills)} kills of workers {self.calls_open} had an LLM call open; "
            f"armed and not reached {self.recovery.not_reached}",
            *self.verdict.lines(),
            *self.readers.lines(),
            _spread("in-flight job running again", self.recovery.job_runs_again),
            _spread("workers complete again", self.recovery.workers_complete),
            f"supervisor gave up {self.recovery.given_up} times",
            f"orphans after 5 s {self.recovery.orphans}, processes left at the end {self.left_processes}",
        ]


def run_chaos(
    sequence: Iterable[Blow],
    *,
    seed: int,
    database: str,
    processes: int = 2,
    threads: int = 16,
    unfinished: int = 24,
    reply_seconds: float = 0.15,
    keep: Path | None = None,
) -> Result:
    """Strike every blow under load, let everything finish, and ask the witnesses.

    Args:
        keep: a folder for the services' logs.
    """
    with open_world(database, processes=processes, threads=threads) as world:
        striker = Striker(world)
        readers = Readers(world.client, random.Random(seed))
        load = Load(world, unfinished, reply_seconds, readers)
        load.start()
        wait_until(lambda: len(load.accepted) >= unfinished and striker.ready(), 60)
        try:
            for blow in sequence:
                striker.strike(blow)
            load.finish()
            wait_until(lambda: load.left() == 0, _SETTLE_SECONDS)
        finally:
            load.finish()
            if keep is not None:
                world.keep_logs(keep)
        readers.judge()
        verdict = judge(world, load.accepted)
        calls_open = _calls_open(striker.recovery, world.provider.log(), load)
    return Result(seed, database, verdict, readers, striker.recovery, len(world.orphans), calls_open)


def _calls_open(recovery: Recovery, log: list[Entry], load: Load) -> int:
    asked: dict[str, list[int]] = defaultdict(list)
    for entry in log:
        asked[entry.mark or ""].append(entry.at_ms)
    takes = load.reply_seconds * 1000
    return sum(
        any(0 <= at_ms - at < takes for job in victims for at in asked[load.accepted[job]])
        for at_ms, victims in recovery.kills
    )


def _spread(name: str, values: list[float]) -> str:
    if not values:
        return f"{name}: none"
    return (
        f"{name}: p50 {percentile(values, 50) / 1000:.2f} s, p95 {percentile(values, 95) / 1000:.2f} s, "
        f"max {max(values) / 1000:.2f} s ({len(values)})"
    )
