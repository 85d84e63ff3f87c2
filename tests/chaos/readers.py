"""Readers of streamed jobs: each in a thread of its own, through all kills, from the beginning to `ended`."""

import random
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field

from bench.figures import percentile
from tests.chaos.told import Told
from tests.waiting import wait_until
from watchkeeper import Client, Job
from watchkeeper.states import JobState

_AFTER_THE_LAST_JOB_SECONDS = 15.0
_TOKENS = 40
_TEXT = "".join(f"word{number} " for number in range(1, _TOKENS + 1))

STREAMED = f"[[tokens={_TOKENS}]] [[rate=80]]"
"""Makes the provider answer in this many pieces, half a second long."""


@dataclass(slots=True)
class Reader:
    """One of them. `leaves`: after so many events it goes, and comes back with the last one's id."""

    job_id: str
    comes_after: float
    leaves: list[tuple[int, float]]
    told: Told = field(default_factory=Told)
    ended_ms: int = 0
    reads_since_ms: int = 0
    came_back: int = 0
    failure: str = ""
    thread: threading.Thread | None = None

    def read(self, client: Client) -> None:
        """Until `ended`; never raises: what went wrong is its `failure`."""
        try:
            time.sleep(self.comes_after)
            for events, pause in self.leaves:
                self._read(client, events)
                if self.told.ended:
                    break
                time.sleep(pause)
                self.came_back += 1
            if not self.told.ended:
                self._read(client, None)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"

    def _read(self, client: Client, events: int | None) -> None:
        left = events
        self.reads_since_ms = _now_ms()
        after = self.told.last.id if self.told.last else None
        with closing(client.stream(self.job_id, after=after, timeout=None)) as story:  # type: ignore[type-var]
            for event in story:
                self.told.feed(event)
                if self.told.ended and not self.ended_ms:
                    self.ended_ms = _now_ms()
                if left is not None and (left := left - 1) == 0:
                    return


@dataclass(slots=True)
class Readers:
    """All of one run: some stay, some come late, some leave up to three times and come back."""

    client: Client
    chance: random.Random
    all: list[Reader] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    """What the first of the wrong ones was told."""

    def read(self, job_id: str) -> None:
        """Begin to read a job just enqueued."""
        leaves = [
            (self.chance.randint(1, 25), self.chance.uniform(0.0, 1.5))
            for _ in range(self.chance.choice((0, 0, 1, 3)))
        ]
        reader = Reader(job_id, self.chance.choice((0.0, 0.0, 0.0, self.chance.uniform(0.5, 5.0))), leaves)
        reader.thread = threading.Thread(target=reader.read, args=(self.client,), name=f"reads {job_id}", daemon=True)
        self.all.append(reader)
        reader.thread.start()

    def judge(self) -> None:
        """Once all jobs are over: give the readers a moment, then hold what they were told against the jobs."""
        end = time.monotonic() + _AFTER_THE_LAST_JOB_SECONDS
        while time.monotonic() < end and any(reader.thread and reader.thread.is_alive() for reader in self.all):
            time.sleep(0.05)
        for reader in self.all:
            job = wait_until(lambda: self.client.get(reader.job_id))  # noqa: B023 - called at once
            self._judge(reader, job)

    def _judge(self, reader: Reader, job: Job) -> None:
        wrong = [reader.failure] if reader.failure else []
        wrong += reader.told.hold_against(job)
        if job.state is JobState.COMPLETED and job.text != _TEXT:
            wrong.append(f"the job's text is not the provider's: {job.text!r}")
        self.wrong += [f"{reader.job_id}: {what}" for what in wrong]
        if wrong and not self.trace:
            self.trace = reader.told.trace
        over_ms = job.finished_at.timestamp() * 1000 if job.finished_at else 0.0
        if reader.reads_since_ms < over_ms:  # else it came, or came back, later than the end
            self.late_ms.append(max(0.0, reader.ended_ms - over_ms))

    def lines(self) -> list[str]:
        """For people."""
        told = [reader.told for reader in self.all]
        broken = {line.partition(":")[0] for line in self.wrong}
        late = f", p50 {percentile(self.late_ms, 50):.0f}, max {max(self.late_ms):.0f} ms" if self.late_ms else ""
        return [
            f"readers of a stream {len(told)}, ended with the whole true story {len(told) - len(broken)}; "
            f"wrong {len(self.wrong)} {self.wrong[:3]}",
            f"they were told {sum(len(one.trace) for one in told)} events; left and came back "
            f"{sum(reader.came_back for reader in self.all)} times; steps taken back and told again "
            f"{sum(one.taken_back for one in told)}, whole stories {sum(one.anew for one in told)}; "
            f"`ended` after the job's end{late}",
            *self.trace,
        ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
