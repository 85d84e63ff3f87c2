"""What streaming through jobs costs: delay from the provider's word to the reader, and CPU, beside bare litellm."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import redis
import redis.asyncio
import uvloop

from bench.cpu import cpu_seconds
from bench.figures import judged, percentile
from bench.systems import Ours, ours, start_sandbox
from watchkeeper.contract import STREAM
from watchkeeper.events import DATA, KIND

PROCESSES = 2
RATE = 50
_GOAL_MS = 60.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds from a word's leaving the provider to its reader, and CPU microseconds a word."""

    delays: list[float]
    cpu_us: float


def run(streams: int, seconds: float) -> None:
    """Measure and print: `streams` at `RATE` words a second each, for `seconds`, once through us and once bare."""
    words = round(seconds * RATE)
    question = f"[[tokens={words}]] [[rate={RATE}]] [[stamped]]"
    with start_sandbox() as url:
        bare = _bare(url, streams, question)
        through = _ours(url, streams, question)
    print(f"\n{streams} streams of {RATE} words a second each for {seconds:g} s, {PROCESSES} processes")
    for name, found in (("litellm, bare", bare), ("watchkeeper, job to reader", through)):
        p50, p95, p99 = (percentile(found.delays, percent) for percent in (50, 95, 99))
        print(f"  {name:<28} delay p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f} ms", end="")
        print(f"  CPU {found.cpu_us:6.1f} us a word  ({len(found.delays)} words)")
    reached = percentile(through.delays, 95) <= _GOAL_MS
    print(f"  from the provider to the reader, p95 <= {_GOAL_MS:g} ms: {judged(reached)}; ", end="")
    print(f"CPU {through.cpu_us / bare.cpu_us:.2f} x bare")
    assert len(through.delays) == len(bare.delays) == streams * words, "a word was lost, or told twice"


def _bare(url: str, streams: int, question: str) -> Figures:
    command = [sys.executable, "-m", "bench.streaming_bare", url, str(streams // PROCESSES), question]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    found = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
    delays = [delay for one in found for delay in one["delays"]]
    return Figures(delays, 1e6 * sum(one["cpu"] for one in found) / len(delays))


def _ours(url: str, streams: int, question: str) -> Figures:
    with ours(url, "sqlite", processes=PROCESSES, threads=max(1, streams // PROCESSES)) as system:
        warm = [system.client.enqueue("default", "[[tokens=3]]", stream=True).id for _ in range(2 * PROCESSES)]
        for job in warm:
            system.client.wait(job, timeout=60)
        time.sleep(1.0)  # the workers' start is over
        before = cpu_seconds(system.pids)
        jobs = [system.client.enqueue("default", question, stream=True).id for _ in range(streams)]
        delays = uvloop.run(_read(system, jobs))
        return Figures(delays, 1e6 * (cpu_seconds(system.pids) - before) / len(delays))


async def _read(system: Ours, jobs: list[str]) -> list[float]:
    """Read all streams on one connection until each has ended."""
    delays: list[float] = []
    after = {STREAM + job: "0" for job in jobs}
    client = redis.asyncio.Redis.from_url(system.redis_url, decode_responses=True)
    while after:
        async with asyncio.timeout(120):
            answer = await client.xread(after, block=1000)
        now = time.time_ns() // 1000
        for key, entries in answer.items() if isinstance(answer, dict) else answer:
            for entry, fields in _entries(entries):
                if key in after:
                    after[key] = entry
                if fields[KIND] == "token":
                    delays.extend((now - int(word)) / 1000 for word in json.loads(fields[DATA])["text"].split())
                if fields[KIND] == "ended":
                    assert json.loads(fields[DATA])["state"] == "completed", fields
                    del after[key]
    await client.aclose()
    return delays


def _entries(entries: Iterable[object]) -> Iterable[tuple[str, dict[str, str]]]:
    """redis-py nests them once more on newer protocols."""
    for entry in entries:
        if isinstance(entry, list) and entry and isinstance(entry[0], tuple | list):
            yield from _entries(entry)
        else:
            yield entry  # type: ignore[misc]
