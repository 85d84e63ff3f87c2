"""What the sandbox received: a bounded log of requests and their counts."""

from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from sandbox.behaviours import Behaviour

CAPACITY = 200_000
"""Requests the log holds before it forgets the oldest. Counts forget nothing."""


class Entry(NamedTuple):
    """One request as it came in. The key is given in full: sandbox keys are no secrets."""

    n: int
    at_ms: int
    monotonic_ms: int
    wire: str
    path: str
    key: str
    model: str | None
    stream: bool
    behaviour: str
    request_id: str
    messages: int
    mark: str | None = None
    """What the conversation calls itself with [[mark=...]]."""

    def to_json(self) -> dict[str, object]:
        return {**self._asdict(), "masked_key": mask(self.key)}


@dataclass(slots=True)
class Ledger:
    """Requests are numbered from 1; a reset forgets them, but numbers are never given twice."""

    capacity: int = CAPACITY
    last: int = 0
    served: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    _entries: deque[Entry] = field(init=False)

    def __post_init__(self) -> None:
        self._entries = deque(maxlen=self.capacity)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.served[entry.wire, entry.key, entry.path, entry.behaviour] += 1

    def next_number(self) -> int:
        self.last += 1
        return self.last

    def reset(self) -> None:
        self._entries.clear()
        self.served.clear()

    def after(self, n: int, limit: int) -> list[Entry]:
        """At most `limit` entries with a number above `n`, oldest first."""
        if not self._entries:
            return []
        skip = max(0, n + 1 - self._entries[0].n)
        return list(islice(self._entries, skip, skip + limit))

    def counts(self) -> dict[str, object]:
        """Totals, then per wire format, behaviour, and key with its paths and behaviours."""
        wires: Counter[str] = Counter()
        behaviours: Counter[str] = Counter()
        keys: dict[str, _KeyCounts] = {}
        for (wire, key, path, behaviour), count in self.served.items():
            wires[wire] += count
            behaviours[behaviour] += count
            keys.setdefault(key, _KeyCounts()).add(path, behaviour, count)
        return {
            "total": self.served.total(),
            "failed": self.served.total() - behaviours[Behaviour.OK] - behaviours[Behaviour.SLOW],
            "wires": wires,
            "behaviours": behaviours,
            "keys": {
                key: {"total": found.total, "paths": found.paths, "behaviours": found.behaviours}
                for key, found in keys.items()
            },
        }


@dataclass(slots=True)
class _KeyCounts:
    total: int = 0
    paths: Counter[str] = field(default_factory=Counter)
    behaviours: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, behaviour: str, count: int) -> None:
        self.total += count
        self.paths[path] += count
        self.behaviours[behaviour] += count


def mask(key: str) -> str:
    """`key` as providers print it: the ends of a long one, nothing of a short one."""
    return f"{key[:6]}...{key[-4:]}" if len(key) >= 16 else "..."
