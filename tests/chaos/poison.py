"""One job that breaks every worker it runs in, among many that do no harm."""

import time
from dataclasses import dataclass

from sqlalchemy import Row, func, select

from shared.db.reading import reading
from shared.db.tables import incarnations
from tests.chaos.load import TOOLS
from tests.chaos.oracle import Verdict, judge
from tests.chaos.striking import Striker
from tests.chaos.tools import CRASHES
from tests.chaos.world import World, open_world
from tests.waiting import wait_until
from watchkeeper.contract import jobs
from watchkeeper.states import JobState

_ENOUGH_SECONDS = 240.0
_CRASHES, _ALONE = 4, 2


@dataclass(frozen=True, slots=True)
class Poisoned:
    """What became of it and of the others."""

    database: str
    verdict: Verdict
    state: str
    crashes: int
    crashes_alone: int
    evidence: str
    dead_after_seconds: float
    all_after_seconds: float
    workers_lost: int
    left_processes: int

    @property
    def failed(self) -> bool:
        """True when the one did not end dead with its evidence, or another did not finish."""
        ended = (self.state, self.crashes, self.crashes_alone) == (JobState.DEAD, _CRASHES, _ALONE)
        told = self.evidence.count("SIGSEGV") == _CRASHES and "look" in self.evidence
        return self.verdict.broken or not ended or not told or bool(self.left_processes)

    def lines(self) -> list[str]:
        """For people and for bench/RESULTS.md."""
        return [
            f"poison, {self.database}: {self.state} after {self.crashes} crashes, {self.crashes_alone} of them "
            f"alone, and {self.dead_after_seconds:.1f} s; all over after {self.all_after_seconds:.1f} s",
            f"workers lost {self.workers_lost}, processes left at the end {self.left_processes}",
            *self.verdict.lines(),
            self.evidence,
        ]


def run_poison(database: str, *, others: int = 50, processes: int = 2, threads: int = 32) -> Poisoned:
    """Enqueue the one in the middle of `others`, and wait for all."""
    with open_world(database, processes=processes, threads=threads) as world:
        wait_until(Striker(world).ready, 60)
        begun = time.monotonic()
        accepted: dict[str, str] = {}
        poison = ""
        for number in range(others):
            if number == others // 2:
                poison = world.client.enqueue("default", f"[[tools={TOOLS}]] go", metadata={CRASHES: True}).id
            name = f"innocent-{number}"
            question = f"[[mark={name}]] [[tools={TOOLS}]] [[slow=0.5]] go"
            accepted[world.client.enqueue("default", question).id] = name
        state = world.client.wait(poison, _ENOUGH_SECONDS).state
        dead_after = time.monotonic() - begun
        for job_id in accepted:
            world.client.wait(job_id, _ENOUGH_SECONDS)
        all_after = time.monotonic() - begun
        row = _row(world, poison)
        verdict = judge(world, accepted)
        lost = _workers_lost(world)
    return Poisoned(
        database=database,
        verdict=verdict,
        state=state,
        crashes=row.crashes,
        crashes_alone=row.crashes_alone,
        evidence=row.error_message or "",
        dead_after_seconds=dead_after,
        all_after_seconds=all_after,
        workers_lost=lost,
        left_processes=len(world.orphans),
    )


def _row(world: World, job_id: str) -> Row[tuple[int, int, str | None]]:
    with reading(world.engine) as connection:
        wanted = select(jobs.c.crashes, jobs.c.crashes_alone, jobs.c.error_message).where(jobs.c.id == job_id)
        return connection.execute(wanted).one()


def _workers_lost(world: World) -> int:
    with reading(world.engine) as connection:
        lost = select(func.count()).select_from(incarnations).where(incarnations.c.crashed)
        return int(connection.execute(lost).scalar_one())
