"""What a supervisor did, read from its log: how many workers were ready, how many processes lived, after each line.

The log is written by the one thread that decides, so nothing lies between two lines that a sample could miss.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Story:
    """`read` brings it up to date. `start_ms`: from the decision to start a worker until it was ready."""

    log: Path
    size: int
    least_ready: int | None = None
    most_processes: int = 0
    recycled: int = 0
    ended: int = 0
    died: int = 0
    start_ms: list[float] = field(default_factory=list)
    _alive: set[str] = field(default_factory=set)
    _ready: set[str] = field(default_factory=set)
    _complete: bool = False
    _at: int = 0

    def read(self) -> "Story":
        """Follow what was written since the last time."""
        with self.log.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._at += len(line)
                if b'"worker.' in line:
                    self._follow(json.loads(line))
        return self

    def _follow(self, event: dict[str, object]) -> None:
        incarnation = str(event.get("incarnation"))
        match event["event"]:
            case "worker.started":
                self._alive.add(incarnation)
            case "worker.counts":
                self._ready.add(incarnation)
                self.start_ms.append(float(str(event["ms"])))
            case "worker.told":
                self._ready.discard(incarnation)
                self.recycled += 1
            case "worker.ended" | "worker.died":
                self.ended += 1
                self.died += event["event"] == "worker.died"
                self._ready.discard(incarnation)
                self._alive.discard(incarnation)
            case _:
                return
        self._complete = self._complete or len(self._ready) >= self.size
        self.most_processes = max(self.most_processes, len(self._alive))
        if self._complete:
            ready = len(self._ready)
            self.least_ready = ready if self.least_ready is None else min(self.least_ready, ready)
