"""Everything the supervisor hears: its workers' lines, the forker's, and its own bell."""

import selectors
import socket
from contextlib import suppress

from workers.supervisor.forking import Forking
from workers.supervisor.line import Line
from workers.supervisor.member import Closed, Event, Reaped, Unforked
from workers.supervisor.obeying import understood

Heard = list[tuple[str, Event]]
"""Incarnations, and what happened to them, in the order in which it was heard."""


class Hearing:
    """Turns messages into events. Used from the watching thread, except for `wake`."""

    def __init__(self, forking: Forking) -> None:
        self._forking = forking
        self._forker: Line | None = None
        self._lines: dict[str, Line] = {}
        self._bell, self._ring = socket.socketpair()
        self._ring.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell, selectors.EVENT_READ)

    def wake(self) -> None:
        """End a `wait`; from any thread, or a signal handler."""
        with suppress(BlockingIOError):  # full: it is about to look anyhow
            self._ring.send(b"!")

    def add(self, incarnation: str, line: Line) -> None:
        """From now on hear this worker."""
        self._lines[incarnation] = line
        self._selector.register(line, selectors.EVENT_READ, incarnation)

    def line(self, incarnation: str) -> Line | None:
        """The line to a worker, while it is open."""
        return self._lines.get(incarnation)

    def drop(self, incarnation: str) -> None:
        """Close its line."""
        line = self._lines.pop(incarnation, None)
        if line is not None:
            self._selector.unregister(line)
            line.close()

    def follow_forker(self) -> None:
        """Listen to the forker that is there now; to the one before it until that one's last word was heard."""
        if self._forker is None and self._forking.line is not None:
            self._forker = self._forking.line
            self._selector.register(self._forker, selectors.EVENT_READ)

    def wait(self, seconds: float) -> Heard:
        """All that has been said, once something was, or after `seconds`."""
        heard: Heard = []
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._bell:
                self._bell.recv(4096)
            elif key.fileobj is self._forker:
                heard += self._from_forker()
            else:
                heard += self._from_worker(str(key.data))
        return heard

    def _from_worker(self, incarnation: str) -> Heard:
        line = self._lines.get(incarnation)
        if line is None:
            return []
        messages, is_open = line.hear()
        heard: Heard = [(incarnation, understood(message)) for message in messages]
        if not is_open:
            self.drop(incarnation)
            heard.append((incarnation, Closed()))
        return heard

    def _from_forker(self) -> Heard:
        line = self._forker
        if line is None:
            return []
        heard: Heard = []
        messages, is_open = line.hear()
        for message in messages:
            match message:
                case {"warm": _, "seconds": seconds}:
                    self._forking.heard_warm(seconds)
                case {"reaped": incarnation, "code": code}:
                    heard += [*self._from_worker(incarnation), (incarnation, Reaped(code))]  # its last words first
                case {"unforked": incarnation, "why": why}:
                    heard.append((incarnation, Unforked(why)))
        if not is_open:
            self._selector.unregister(line)
            self._forker = None
            line.close()
            self._forking.lost(line)
        return heard
