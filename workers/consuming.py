"""dramatiq's worker over the wake-up queue: its consumer thread, and the threads it hands wake-ups to."""

from collections.abc import Awaitable, Callable
from typing import Final

import dramatiq
import structlog

from shared.stores import Stores
from workers.broker import ACTOR, QUEUE, WakeBroker

log = structlog.get_logger()

BLOCK_SECONDS: Final = 1.0
"""A consumer waits this long in Redis; also how long a stop takes at least."""

_FIRST_THREADS: Final = 8
_NO_THREAD: Final = "jobs wait for the threads there are; raise the host's limit of processes, or its memory"


class GrowingWorker(dramatiq.Worker):
    """Starts a thread when it is first needed: two hundred idle ones cost a start 25 ms, and 5 MB of memory."""

    _full = False

    def __init__(self, broker: WakeBroker, *, most: int, timeout_ms: int) -> None:
        """Up to `most` threads."""
        super().__init__(broker, worker_threads=min(_FIRST_THREADS, most), worker_timeout=timeout_ms)
        self._most = most

    def grow(self, busy: int) -> None:
        """At least `busy` threads from now on, or as many as the host allows. For the consumer's thread alone.

        An error here would cost the slots of what was just taken; so it waits for a thread that is there.
        """
        if len(self.workers) >= busy:
            return
        # Many at a time: made one by one between jobs, they would lie among what those leave, and keep it in memory.
        wanted = min(max(busy, 2 * len(self.workers)), self._most)
        while len(self.workers) < wanted:
            try:
                self._add_worker()
            except (RuntimeError, MemoryError) as error:
                if not self._full:
                    log.error("worker.no_thread_left", threads=len(self.workers), error=str(error), advice=_NO_THREAD)
                self._full = True
                return
        self._full = False


class Consumer:
    """Takes wake-ups from its making on, and has `run` run their jobs."""

    def __init__(self, stores: Stores, run: Callable[[str], Awaitable[None]], threads: int) -> None:
        """`threads`: how many jobs it has at once, at most."""
        self._broker = WakeBroker(stores.redis, threads=threads, middleware=[])
        dramatiq.actor(broker=self._broker, actor_name=ACTOR, queue_name=QUEUE)(run)
        self._worker = GrowingWorker(self._broker, most=threads, timeout_ms=int(BLOCK_SECONDS * 1000))
        self._broker.slots.needed = self._worker.grow
        self._worker.start()

    def ailing(self) -> str | None:
        """A thread that died, in words."""
        if not all(thread.is_alive() for thread in self._worker.consumers.values()):
            return "its consumer thread died"
        dead = sum(not thread.is_alive() for thread in self._worker.workers)
        return f"{dead} of its worker threads died" if dead else None

    def close(self) -> None:
        """Take no more."""
        self._broker.slots.close()

    def stop(self) -> None:
        """End the threads; what was taken and not begun goes back."""
        consumers = list(self._worker.consumers.values())
        for consumer in consumers:  # dramatiq would begin with it when all other threads have ended
            consumer.stop()
        self._worker.stop(timeout=5000)
        for consumer in consumers:
            if consumer.consumer is not None:  # None: told to end before it began
                consumer.requeue_messages(())  # what it had not handed to a thread yet
