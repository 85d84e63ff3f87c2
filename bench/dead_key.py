"""A key dies while eight processes use it: how many attempts meet it, and for how long; then its time aside."""

import time

import redis
from sqlalchemy import func, select

from bench.figures import judged
from bench.systems import Ours, ours, start_sandbox, until
from sandbox.control import SandboxControl
from sandbox.ledger import Entry
from shared.db.tables import attempts
from shared.keystate.standing import KeyState, Standing
from shared.redis.names import KEY_STATES

PROCESSES = 8
THREADS = 50
REFUSED_AFTER = 0.01  # seconds; without it the sandbox would refuse as slowly as it answers
FIRST_LABEL = "SANDBOX_API_KEY_1"
FIRST, SECOND = "sandbox-bench-1", "sandbox-bench-2"


def run(jobs: int, spread_jobs: int, watch_seconds: float, database: str) -> None:
    """Measure and print: under load, while the key is aside, and with calls far apart.

    Args:
        watch_seconds: of load after the key's death. It is aside for 5 to 6 minutes: 400 see the canary too.
    """
    with (
        start_sandbox() as url,
        SandboxControl(url) as control,
        ours(url, database, processes=PROCESSES, threads=THREADS) as system,
    ):
        print(f"\na key becomes invalid, {PROCESSES} processes x {THREADS} threads, 3 keys, {database}")
        _under_load(system, control, jobs)
        _aside(system, control, watch_seconds)
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


def _aside(system: Ours, control: SandboxControl, seconds: float) -> None:
    """One job after another on every process, about twenty in a second."""
    with redis.Redis.from_url(system.redis_url, decode_responses=True) as client:
        standings = [Standing.parse(str(text)) for text in client.hvals(KEY_STATES)]
    (until_ms,) = (one.until_ms for one in standings if one.state is KeyState.QUARANTINED)
    assert until_ms is not None
    met, before, put = len(_refused(control, FIRST)), system.completed(), 0
    begun = time.monotonic()
    control.set_default("ok", delay_seconds=0.05)
    while time.monotonic() - begun < seconds:
        system.put(PROCESSES)
        put += PROCESSES
        until(lambda: system.completed() - before >= put, seconds=60)  # noqa: B023
        time.sleep(0.35)
    later = _refused(control, FIRST)[met:]
    early = [entry for entry in later if entry.at_ms < until_ms]
    over = time.time() * 1000 > until_ms
    print(
        f"  {seconds:.0f} s of load, {put} jobs: {len(early)} attempts while aside (goal 0: {judged(not early)})",
        end="",
    )
    tries = len(later) - len(early)
    print(f", then {tries} canary (goal 1: {judged(tries == 1)})" if over else ", its time is not over yet")


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
