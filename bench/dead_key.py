"""A key dies while eight processes use it: how many attempts meet it, and for how long."""

import time

from sqlalchemy import func, select

from bench.figures import judged
from bench.systems import Ours, ours, start_sandbox, until
from sandbox.control import SandboxControl
from sandbox.ledger import Entry
from shared.db.tables import attempts

PROCESSES = 8
THREADS = 50
REFUSED_AFTER = 0.01  # seconds; without it the sandbox would refuse as slowly as it answers
FIRST_LABEL = "SANDBOX_API_KEY_1"
FIRST, SECOND = "sandbox-bench-1", "sandbox-bench-2"


def run(jobs: int, spread_jobs: int, database: str) -> None:
    """Measure and print both: under load, and with calls far apart."""
    with (
        start_sandbox() as url,
        SandboxControl(url) as control,
        ours(url, database, processes=PROCESSES, threads=THREADS) as system,
    ):
        print(f"\na key becomes invalid, {PROCESSES} processes x {THREADS} threads, 3 keys, {database}")
        _under_load(system, control, jobs)
        _spread(system, control, spread_jobs)


def _under_load(system: Ours, control: SandboxControl, jobs: int) -> None:
    control.set_default("ok", delay_seconds=2.0)
    system.put(jobs)
    until(lambda: control.key_total(FIRST) >= jobs // 4)
    control.set_key(FIRST, "invalid", delay_seconds=REFUSED_AFTER)
    until(lambda: system.completed() == jobs)
    refused = _refused(control, FIRST)
    first = refused[0].at_ms
    started = _last_start(system, FIRST_LABEL) - first
    print(
        f"  under load: {len(refused)} attempts met the dead key; the last one started {started} ms after the first "
        f"was refused (goal <= 250: {judged(started <= 250)}) and came to the provider after "
        f"{refused[-1].at_ms - first} ms; completed {system.completed()} of {jobs}"
    )


def _last_start(system: Ours, label: str) -> int:
    of_key, failed = attempts.c.key_label == label, attempts.c.cause.is_not(None)
    with system.engine.connect() as connection:
        return int(connection.execute(select(func.max(attempts.c.started_at)).where(of_key, failed)).scalar_one())


def _spread(system: Ours, control: SandboxControl, jobs: int) -> None:
    """The second key is the one in use now."""
    control.set_default("ok")
    control.set_key(SECOND, "invalid", delay_seconds=REFUSED_AFTER)
    before = system.completed()
    for number in range(jobs):
        system.put(1)
        done = before + number + 1
        until(lambda: system.completed() >= done)  # noqa: B023
        time.sleep(0.05)
    tried = len(_refused(control, SECOND))
    print(f"  {jobs} calls one after another: {tried} on the dead key (goal exactly 1: {judged(tried == 1)})")


def _refused(control: SandboxControl, key: str) -> list[Entry]:
    return [entry for entry in control.log() if entry.key == key and entry.behaviour == "invalid"]
