"""What a signal handler may set: `threading.Event` takes a lock for that which the thread it interrupts may hold."""

import queue


class Flag:
    """Set once, and stays set. A thread that waits is woken; so are all others that wait."""

    def __init__(self) -> None:
        self._set = False
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # its `put` may interrupt itself, and its `get`

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._set

    def set(self) -> None:
        """From any thread, and from a signal handler."""
        self._set = True
        self._bell.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Return once it is set, or after `timeout` seconds; whether it is set."""
        if not self._set:
            try:
                self._bell.get(timeout=timeout)
                self._bell.put(None)  # for the next one who waits
            except queue.Empty:
                pass
        return self._set
