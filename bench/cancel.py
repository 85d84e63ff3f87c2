"""From a cancel to the stored end of a running job: many jobs inside an LLM call, cancelled one after the other."""

import random
import time

from sqlalchemy import select

from bench.figures import judged, percentile
from bench.systems import ours, start_sandbox, until
from watchkeeper.contract import jobs

_APART_SECONDS = 0.03


def run(count: int, database: str) -> None:
    """Measure with `count` running jobs in one worker, and print."""
    spread = random.Random(7)
    with start_sandbox() as url, ours(url, database, processes=1, threads=count) as system:
        called: dict[str, float] = {}
        ids = [system.client.enqueue("default", f"question {n} [[slow=120]]").id for n in range(count)]
        until(lambda: system.count(jobs.c.state == "running") == count)
        for job_id in ids:
            time.sleep(spread.uniform(0, 2 * _APART_SECONDS))
            called[job_id] = time.time() * 1000
            system.client.cancel(job_id)
        until(lambda: system.count(jobs.c.state == "cancelled") == count)
        with system.engine.connect() as connection:
            rows = connection.execute(select(jobs.c.id, jobs.c.finished_at)).all()
    waits = [row.finished_at - called[row.id] for row in rows]
    p50, p99 = percentile(waits, 50), percentile(waits, 99)
    print(f"\ncancel to stored end, {count} running jobs in one worker on {database}")
    print(
        f"  p50 {p50:.0f} ms  p99 {p99:.0f} ms  max {max(waits):.0f} ms  (goal p99 <= 1000 ms: {judged(p99 <= 1000)})"
    )
