"""dramatiq's event loop thread for async actors: uvloop, and checked for interrupts rarely."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

import dramatiq
import uvloop
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread

# dramatiq wakes every waiting thread this often to see whether it was interrupted; nothing here interrupts threads,
# and at the default 0.1 s two hundred waiting jobs cost 2000 wake-ups a second.
_CHECK_SECONDS: Final = 60.0


class EventLoop(dramatiq.Middleware):
    """Owns the one loop all of this process's jobs run on. Stopped by the worker, after the jobs."""

    def __init__(self) -> None:
        self.thread: EventLoopThread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        if self.thread is None:
            raise RuntimeError("the event loop runs between start() and stop()")
        return self.thread.loop

    def start(self) -> None:
        """Start the thread, before the worker's threads."""
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        self.thread = EventLoopThread(logging.getLogger(__name__), interrupt_check_ival=_CHECK_SECONDS)
        self.thread.name = "event-loop"
        self.thread.start(timeout=5.0)
        set_event_loop_thread(self.thread)

    def run(self, coroutine: Any) -> Any:
        """Run `coroutine` on the loop from another thread and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def task(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Start `coroutine` on the loop from another thread, and leave it running."""

        async def start() -> "asyncio.Task[None]":
            return asyncio.get_running_loop().create_task(coroutine)

        started: asyncio.Task[None] = self.run(start())
        return started

    def stop(self) -> None:
        """Stop the loop; nothing may be running on it any more."""
        if self.thread is not None:
            self.thread.stop()  # type: ignore[no-untyped-call]
            set_event_loop_thread(None)
            self.thread = None
