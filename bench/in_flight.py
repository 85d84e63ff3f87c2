"""Many jobs held in flight for a while: how many, and what a job costs, beside dramatiq with litellm.Router."""

import time
from dataclasses import dataclass

from bench.cpu import cpu_seconds
from bench.feeding import fed
from bench.figures import judged
from bench.systems import Ours, Peer, ours, peer, start_sandbox, until
from sandbox.control import SandboxControl
from watchkeeper.contract import jobs

PROCESSES = 2
THREADS = 256
IN_FLIGHT = 400
_BEHIND = 800  # wait in the queue, so that a free thread finds the next one
_WARM_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Held:
    """`in_flight`: by Little's law from the calls that came to the provider."""

    jobs: int
    seconds: float
    cpu: float
    in_flight: float

    def words(self) -> str:
        """For people."""
        return (
            f"{self.in_flight:.0f} in flight on average, {self.jobs / self.seconds:.0f} jobs/s, "
            f"{self.jobs / self.cpu:.0f} jobs/CPU s, {1000 * self.cpu / self.jobs:.2f} CPU ms a job"
        )


def run(seconds: float, databases: tuple[str, ...]) -> None:
    """Hold them for `seconds` in each system, and print."""
    with start_sandbox() as url, SandboxControl(url) as control:
        control.set_default("ok", delay_seconds=1.0)
        with peer(url, tuned=False, processes=PROCESSES, threads=THREADS) as theirs:
            plain = _of_peer(theirs, control, seconds)
        found: dict[str, tuple[Held, int, int]] = {}
        for database in databases:
            with ours(url, database, processes=PROCESSES, threads=THREADS, supervised=True) as system:
                found[database] = _of_ours(system, control, seconds)
    print(f"\n{IN_FLIGHT} jobs in flight for {seconds:g} s, {PROCESSES} processes, provider answers after 1 s")
    print(f"  dramatiq + litellm.Router: {plain.words()}")
    for database, (held, fewest, queued) in found.items():
        ratio = (held.jobs / held.cpu) / (plain.jobs / plain.cpu)
        print(f"  watchkeeper on {database}, supervisor and forker included: {held.words()}; {ratio:.2f} x the peer")
        enough = fewest >= 0.95 * IN_FLIGHT
        print(
            f"    the fewest of all looks: {fewest} running in SQL (goal {IN_FLIGHT}, -5 %: {judged(enough)}), "
            f"{queued} queued behind them"
        )


def _of_ours(system: Ours, control: SandboxControl, seconds: float) -> tuple[Held, int, int]:
    with fed(system, IN_FLIGHT + _BEHIND):
        until(lambda: system.completed() > 2 * IN_FLIGHT)
        time.sleep(_WARM_SECONDS)
        begun, cpu, calls = time.monotonic(), cpu_seconds(system.pids), control.calls()["total"]
        fewest, queued = IN_FLIGHT, _BEHIND
        while time.monotonic() - begun < seconds:
            fewest = min(fewest, system.count(jobs.c.state == "running"))
            queued = min(queued, system.count(jobs.c.state == "queued"))
            time.sleep(0.5)
        held = _held(system.pids, control, begun, cpu, calls)
    return held, fewest, queued


def _of_peer(system: Peer, control: SandboxControl, seconds: float) -> Held:
    put = 3 * IN_FLIGHT + _BEHIND
    system.put(put)
    until(lambda: control.calls()["total"] > 2 * IN_FLIGHT, seconds=300)
    time.sleep(_WARM_SECONDS)
    begun, cpu, calls = time.monotonic(), cpu_seconds(system.pids), control.calls()["total"]
    while time.monotonic() - begun < seconds:
        missing = control.calls()["total"] + _BEHIND - put
        if missing > 0:
            system.put(missing)
            put += missing
        time.sleep(0.1)
    return _held(system.pids, control, begun, cpu, calls)


def _held(pids: list[int], control: SandboxControl, begun: float, cpu: float, calls: int) -> Held:
    spent, answered, seconds = cpu_seconds(pids) - cpu, control.calls()["total"] - calls, time.monotonic() - begun
    return Held(answered, seconds, spent, answered / seconds * 1.0)
