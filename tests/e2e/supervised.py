"""A supervisor of an installation, and its workers, seen from outside."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psutil  # type: ignore[import-untyped]  # it ships no types

from tests.e2e.house import House
from tests.processes import Running
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Supervised:
    """`watchkeeper worker`, ready."""

    house: House
    running: Running
    id: str

    @property
    def workers(self) -> list[dict[str, Any]]:
        """Its workers that beat and take jobs, by pid."""
        return [row for row in self.house.rows.alive() if row["heartbeat"] > 0 and row["state"] == "ready"]

    @property
    def pids(self) -> set[int]:
        """Their process ids."""
        return {row["pid"] for row in self.workers}

    @property
    def forker(self) -> psutil.Process:
        """The process that forks them."""
        (forker,) = psutil.Process(self.running.pid).children()
        return forker

    def full_again(self, count: int, without: set[int], timeout: float = 30.0) -> set[int]:
        """The pids of `count` workers, none of them of `without`."""
        wait_until(lambda: len(self.pids) == count and not self.pids & without, timeout)
        return self.pids


def supervise(house: House, *, processes: int = 2, **environ: str) -> Supervised:
    """Start one and wait until its workers take jobs."""
    id = str(uuid4())
    running = house.processes.room("workers", "--supervisor", id, "--processes", str(processes), **environ)
    running.says("supervisor.ready", 60)
    supervised = Supervised(house, running, id)
    wait_until(lambda: len(supervised.pids) == processes, 30)
    return supervised
