"""Durable jobs per CPU second, beside a plain dramatiq actor with litellm.Router, in one run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.cpu import cpu_seconds
from bench.figures import judged
from bench.systems import ours, peer, start_sandbox, until
from sandbox.control import SandboxControl

PROCESSES = 2
THREADS = 256
WARMUP = 400


@dataclass(frozen=True)
class Measured:
    """One variant's figures; CPU is of the worker processes only."""

    name: str
    jobs: int
    seconds: float
    cpu: float

    @property
    def per_cpu_second(self) -> float:
        """Jobs for each second of worker CPU."""
        return self.jobs / self.cpu

    def line(self) -> str:
        """One row for people."""
        return (
            f"{self.name:<44} {self.jobs / self.seconds:8.0f} jobs/s  {self.per_cpu_second:7.0f} jobs/CPU s  "
            f"{1000 * self.cpu / self.jobs:5.2f} CPU ms/job"
        )


def run(count: int, delays: tuple[float, ...], databases: tuple[str, ...]) -> None:
    """Measure every variant and print the ratios."""
    with start_sandbox() as url, SandboxControl(url) as control:
        for delay in delays:
            control.set_default("ok", delay_seconds=delay)
            plain = _peer(url, control, count, tuned=False)
            tuned = _peer(url, control, count, tuned=True)
            durable = [_durable(url, count, database) for database in databases]
            print(f"\nprovider answers after {delay:g} s; {PROCESSES} processes x {THREADS} threads; {count} jobs")
            for measured in (plain, tuned, *durable):
                print("  " + measured.line())
            for measured in durable:
                ratios = [measured.per_cpu_second / base.per_cpu_second for base in (plain, tuned)]
                print(
                    f"  {measured.name}: {ratios[0]:.2f} x plain (goal 2.0: {judged(ratios[0] >= 2.0)}), "
                    f"{ratios[1]:.2f} x tuned (goal 1.6: {judged(ratios[1] >= 1.6)})"
                )


def _peer(url: str, control: SandboxControl, count: int, *, tuned: bool) -> Measured:
    def answered() -> int:
        return int(control.calls()["total"])

    name = "dramatiq + litellm.Router" + (", uvloop, rare checks" if tuned else "")
    with peer(url, tuned=tuned, processes=PROCESSES, threads=THREADS) as system:
        return _timed(name, system.pids, count, system.put, answered)


def _durable(url: str, count: int, database: str) -> Measured:
    with ours(url, database, processes=PROCESSES, threads=THREADS) as system:
        return _timed(f"watchkeeper on {database}", system.pids, count, system.put, system.completed)


def _timed(name: str, pids: list[int], count: int, put: Callable[[int], None], done: Callable[[], int]) -> Measured:
    warm = done() + WARMUP
    put(WARMUP)
    until(lambda: done() >= warm)
    time.sleep(2.0)
    cpu, begun = cpu_seconds(pids), time.perf_counter()
    put(count)
    until(lambda: done() >= warm + count)
    seconds = time.perf_counter() - begun
    time.sleep(0.3)
    return Measured(name, count, seconds, cpu_seconds(pids) - cpu)
