"""Where sync tools run: each call in a thread of its own, so that one that hangs holds up nothing else."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import structlog

log = structlog.get_logger()


class ToolThreads:
    """At most `most` calls at a time. Used from one event loop.

    A thread cannot be stopped. One that nobody waits for any longer counts as `stuck` until it comes back; they are
    daemon threads, so that the end of the process never waits for them. (An executor's threads are joined at exit.)
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._slots = asyncio.Semaphore(most)
        self._stuck: set[object] = set()

    @property
    def stuck(self) -> int:
        """Threads that run on although nobody waits for them."""
        return len(self._stuck)

    @property
    def exhausted(self) -> bool:
        """So many are stuck that no further one is started."""
        return self.stuck >= self._most

    async def run(self, work: Callable[[], str], *, name: str, seconds: float) -> str | None:
        """What `work` returns; it must not raise. None = not within `seconds`, which begin with the thread."""
        async with self._slots:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[str] = loop.create_future()
            ticket = object()

            def deliver(result: str) -> None:
                self._stuck.discard(ticket)
                if not done.done():
                    done.set_result(result)

            def body() -> None:
                result = context.run(work)
                if not loop.is_closed():  # else the process is ending, and nobody asks any more
                    loop.call_soon_threadsafe(deliver, result)

            context = contextvars.copy_context()
            try:
                threading.Thread(target=body, name=f"tool-{name}", daemon=True).start()
            except (RuntimeError, MemoryError) as error:
                advice = "raise the host's limit of processes, or its memory"
                log.error("tool.no_thread_left", tool=name, stuck=self.stuck, error=str(error), advice=advice)
                return "error: this worker could start no thread for the tool"
            waited: set[asyncio.Future[Any]] = set()
            try:
                waited, _ = await asyncio.wait({done}, timeout=seconds)
            finally:
                if not done.done():
                    self._stuck.add(ticket)
            return done.result() if waited else None
