"""Enqueue to start on an idle system, and what idling costs, beside dramatiq's default consumer."""

import random
import time

import dramatiq
import redis
from sqlalchemy import select

from bench.cpu import cpu_seconds
from bench.figures import judged, percentile
from bench.systems import ours, peer, start_sandbox, until
from watchkeeper.contract import jobs

THREADS = 200
IDLE_SECONDS = 20.0


def run(count: int, databases: tuple[str, ...]) -> None:
    """Measure and print."""
    spread = random.Random(7)
    with start_sandbox() as url:
        figures = [_peer(url, count, spread), *(_ours(url, count, database, spread) for database in databases)]
    print(f"\nenqueue to start on an idle system, one process x {THREADS} threads, {count} jobs, 20-300 ms apart")
    for name, waits, idle in figures:
        p50, p95 = percentile(waits, 50), percentile(waits, 95)
        verdict = ""
        if name.startswith("watchkeeper"):
            reached = p50 <= 5 and p95 <= 10 and idle <= 1
            verdict = f"  p50 <= 5, p95 <= 10 ms, idle <= 1 %: {judged(reached)}"
        print(f"  {name:<28} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  max {max(waits):6.1f} ms  ", end="")
        print(f"idle {idle:4.2f} %{verdict}")


def _ours(url: str, count: int, database: str, spread: random.Random) -> tuple[str, list[float], float]:
    with ours(url, database, processes=1, threads=THREADS) as system:
        system.put(20)
        until(lambda: system.completed() == 20)
        idle = _idle_percent(system.pids)
        called: dict[str, float] = {}
        for index in range(count):
            time.sleep(spread.uniform(0.02, 0.3))
            begun = time.time() * 1000
            called[system.client.enqueue("default", f"question {index}").id] = begun
        until(lambda: system.completed() == 20 + count)
        with system.engine.connect() as connection:
            rows = connection.execute(select(jobs.c.id, jobs.c.started_at)).all()
        waits = [row.started_at - called[row.id] for row in rows if row.id in called]
        return f"watchkeeper on {database}", waits, idle


def _peer(url: str, count: int, spread: random.Random) -> tuple[str, list[float], float]:
    with (
        peer(url, tuned=False, processes=1, threads=THREADS) as system,
        redis.Redis.from_url(system.redis_url) as store,
    ):

        def note(number: int) -> None:
            sent = time.time() * 1000
            system.broker.enqueue(dramatiq.Message("peer", "note", (sent,), {}, {"number": number}))

        note(0)
        until(lambda: store.llen("bench:waits") == 1)
        idle = _idle_percent(system.pids)
        for index in range(count):
            time.sleep(spread.uniform(0.02, 0.3))
            note(index)
        until(lambda: store.llen("bench:waits") == 1 + count)
        waits = [float(wait) for wait in store.lrange("bench:waits", 0, -1)][:count]
        return "dramatiq's default", waits, idle


def _idle_percent(pids: list[int]) -> float:
    time.sleep(2.0)
    before = cpu_seconds(pids)
    time.sleep(IDLE_SECONDS)
    return 100 * (cpu_seconds(pids) - before) / IDLE_SECONDS
