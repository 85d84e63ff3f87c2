"""Where async tools run: on an event loop of their own. One that blocks stalls other tools, never the worker."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

log = structlog.get_logger()

_ANSWERS_WITHIN_SECONDS: Final = 1.0


class ToolLoop:
    """A thread with an event loop, started with the first call and replaced when a tool blocks it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self.blocked = 0
        """Loops that were given up, each with a thread a tool still holds."""

    async def run(
        self, work: Callable[[], Coroutine[Any, Any, str]], *, name: str, seconds: float, cancelled: threading.Event
    ) -> str | None:
        """What `work` returns; it must not raise. None = not within `seconds`; `cancelled` is set then."""
        loop = self._started()
        handle = asyncio.run_coroutine_threadsafe(work(), loop)
        done = asyncio.wrap_future(handle)
        try:
            waited, _ = await asyncio.wait({done}, timeout=seconds)
            if waited:
                return done.result()
        finally:
            if not done.done():
                cancelled.set()  # before it hears of it: so it can tell our wish from a CancelledError of its own
                handle.cancel()
        if not await _answers(loop) and self._loop is loop:
            self._loop = None
            self.blocked += 1
            log.error(
                "tool.blocks_its_loop",
                tool=name,
                advice="an async tool that waits without await holds up all other async tools: make it a plain def",
            )
        return None

    def stop(self) -> None:
        """Let the thread end; it is not waited for."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = self._loop = asyncio.new_event_loop()
            threading.Thread(target=_serve, args=(loop,), name="tool-loop", daemon=True).start()
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        _end_tasks(loop)
    finally:
        loop.close()


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_ANSWERS_WITHIN_SECONDS))


async def _answers(loop: asyncio.AbstractEventLoop) -> bool:
    echo: concurrent.futures.Future[None] = concurrent.futures.Future()
    loop.call_soon_threadsafe(echo.set_result, None)
    heard, _ = await asyncio.wait({asyncio.wrap_future(echo)}, timeout=_ANSWERS_WITHIN_SECONDS)
    return bool(heard)
