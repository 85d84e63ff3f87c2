"""A steady load for a bench: so many unfinished jobs at any time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.systems import Ours


@dataclass(slots=True)
class Feed:
    """`put` jobs have been accepted so far."""

    put: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def keep(self, system: Ours, unfinished: int) -> None:
        """Put what is missing, until ended."""
        while not self._ended.wait(0.02):
            missing = unfinished - system.unfinished()
            if missing > 0:
                system.put(missing)
                self.put += missing

    def end(self) -> None:
        """Put no more."""
        self._ended.set()


@contextmanager
def fed(system: Ours, unfinished: int) -> Iterator[Feed]:
    """`unfinished` jobs at any time while inside; what is unfinished at the end stays so."""
    feed = Feed(put=system.completed())
    thread = threading.Thread(target=feed.keep, args=(system, unfinished), name="feed")
    thread.start()
    try:
        yield feed
    finally:
        feed.end()
        thread.join()
