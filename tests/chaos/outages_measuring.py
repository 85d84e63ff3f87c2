"""What became of the jobs of each outage, asked of SQL and of the provider's log when all is over."""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import func, or_, select

from bench.figures import percentile
from shared.db.reading import reading
from shared.db.tables import incarnations, steps
from tests.chaos.oracle import Verdict
from tests.chaos.outages_stopped import Stopped
from tests.chaos.world import World
from watchkeeper.contract import jobs

NOTICED_MS = 1500
"""A worker knows of an outage of SQL one second after the first write that hangs."""


@dataclass(slots=True)
class Outage:
    """One of them; times are ms since 1970."""

    kind: str
    seconds: float
    began_ms: int = 0
    returned_ms: int = 0
    cancelling: str = ""
    cancelled_after_ms: float | None = None
    drained_seconds: float | None = None
    calls: int = 0  # LLM calls that began in it
    late_calls: int = 0  # after the worker knew
    stuck: list[str] = field(default_factory=list)  # who had not ended long after the return
    moving_after_ms: list[int] = field(default_factory=list)  # each job that was unfinished when it ended

    @property
    def hinders_storing(self) -> bool:
        """True when no result could be stored."""
        return not self.kind.startswith("redis")

    def line(self) -> str:
        """For people."""
        moved = self.moving_after_ms
        spread = f"p50 {percentile(moved, 50):.0f} max {max(moved)} ms ({len(moved)} jobs)" if moved else "no job"
        words = [f"{self.kind}, {self.seconds:g} s: moving again after {spread}; {self.calls} LLM calls began in it"]
        if self.hinders_storing:
            words.append(f"{self.late_calls} of them after {NOTICED_MS} ms")
        if self.cancelling:
            words.append(f"cancel: {self.cancelling}")
        if self.cancelled_after_ms is not None:
            words.append(f"bound after {self.cancelled_after_ms:.0f} ms")
        if self.drained_seconds is not None:
            words.append(f"drained in {self.drained_seconds:.1f} s")
        if self.stuck:
            words.append(f"STUCK {len(self.stuck)} {self.stuck[:3]}")
        return "; ".join(words)


@dataclass(slots=True)
class Outages:
    """All of one run."""

    database: str
    verdict: Verdict
    outages: list[Outage]
    zombies: list[Stopped]
    given_up: list[str]
    refused: int
    left_processes: int
    endings: Counter[str]

    @property
    def failed(self) -> bool:
        """True when a promise was broken."""
        late = any(outage.hinders_storing and outage.late_calls for outage in self.outages)
        slow = any(
            max(outage.moving_after_ms, default=0) > 10_000
            for outage in self.outages
            if outage.drained_seconds is None
        )
        zombies = any(zombie.failed for zombie in self.zombies)
        stuck = any(outage.stuck for outage in self.outages)
        return (
            self.verdict.broken
            or zombies
            or stuck
            or late
            or slow
            or bool(self.given_up)
            or bool(self.left_processes)
        )

    def lines(self) -> list[str]:
        """For people and for bench/RESULTS.md."""
        return [
            *(outage.line() for outage in self.outages),
            *(zombie.line() for zombie in self.zombies),
            *self.verdict.lines(),
            f"enqueues refused with an error {self.refused}; live workers given up {len(self.given_up)} "
            f"{self.given_up[:3]}; processes left {self.left_processes}",
            f"how workers ended: {dict(self.endings)}",
        ]


def measure(world: World, outages: list[Outage]) -> None:
    """Fill in what SQL and the provider know."""
    calls = [entry.at_ms for entry in world.provider.log() if entry.mark is not None]
    for outage in outages:
        during = [at for at in calls if outage.began_ms <= at < outage.returned_ms]
        outage.calls = len(during)
        outage.late_calls = sum(at > outage.began_ms + NOTICED_MS for at in during)
        outage.moving_after_ms = sorted(_moving(world, outage.returned_ms))


def _moving(world: World, returned_ms: int) -> list[int]:
    """For each job that was there and unfinished then: ms until its next step or its end."""
    with reading(world.engine) as connection:
        rows = connection.execute(
            select(func.min(func.coalesce(steps.c.finished_at, jobs.c.finished_at)))
            .select_from(jobs)
            .outerjoin(steps, (steps.c.job_id == jobs.c.id) & (steps.c.finished_at >= returned_ms))
            .where(
                jobs.c.enqueued_at < returned_ms,
                or_(jobs.c.finished_at.is_(None), jobs.c.finished_at >= returned_ms),
                jobs.c.error_cause.is_distinct_from("cancelled"),
            )
            .group_by(jobs.c.id)
        )
        return [int(at) - returned_ms for (at,) in rows if at is not None]


def given_up(world: World) -> list[str]:
    """Workers whose jobs were taken from them because nobody heard them."""
    with reading(world.engine) as connection:
        return list(
            connection.execute(
                select(incarnations.c.id).where(incarnations.c.ended_why == "heartbeat stood still")
            ).scalars()
        )


def endings(world: World) -> Counter[str]:
    """Why workers ended, and how many each."""
    with reading(world.engine) as connection:
        return Counter(
            connection.execute(select(incarnations.c.ended_why).where(incarnations.c.ended_at.is_not(None))).scalars()
        )
