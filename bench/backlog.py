"""Jobs queued long before a worker comes: wake-ups never more than jobs, then all run exactly once."""

import os
import subprocess
import sys
import time

import redis
from sqlalchemy import func, select

from bench.figures import judged
from bench.systems import ours, start_sandbox, until
from sandbox.control import SandboxControl
from shared.db.tables import attempts
from watchkeeper.contract import WAKE_QUEUE, jobs


def run(count: int, seconds: float) -> None:
    """Queue `count` jobs, let the stager work for `seconds`, bring a worker, count."""
    with (
        start_sandbox() as url,
        SandboxControl(url) as control,
        ours(url, "sqlite", processes=0, threads=200) as system,
    ):
        system.put(count)
        with redis.Redis.from_url(system.redis_url) as store:
            most = 0
            until_then = time.monotonic() + seconds
            while time.monotonic() < until_then:
                most = max(most, int(store.zcard(WAKE_QUEUE)))
                time.sleep(0.25)
        begun = time.monotonic()
        command = [sys.executable, "-P", "-m", "workers", "--single"]
        worker = subprocess.Popen(command, env={**os.environ, **system.environ})
        try:
            until(lambda: system.completed() == count, seconds=300)
        finally:
            worker.terminate()
            worker.wait(60)
        with system.engine.connect() as connection:
            tried = connection.execute(select(func.count()).select_from(attempts)).scalar_one()
            claims = connection.execute(select(func.max(jobs.c.claim_token))).scalar_one()
        print(f"\n{count} jobs queued for {seconds:g} s before a worker came")
        print(f"  most wake-ups in Redis at one time: {most} (goal <= {count}: {judged(most <= count)})")
        exact = tried == count == control.calls()["total"] and claims == 1
        print(
            f"  then in {time.monotonic() - begun:.0f} s: completed {system.completed()}, calls at the provider "
            f"{control.calls()['total']}, most claims of one job {claims} (each exactly once: {judged(exact)})"
        )
