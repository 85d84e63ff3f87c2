"""One tool call: it ends in a text for the model within its time limit, whatever the tool does."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from watchkeeper.tools import ToolContext
from workers.tools.own_loop import ToolLoop
from workers.tools.registry import Tool
from workers.tools.results import as_error, as_text
from workers.tools.threads import ToolThreads

log = structlog.get_logger()

_THREADS: Final = 64
_NOTHING: Final = ""


class ToolCalls:
    """Runs tools. One per worker; used from the worker's event loop, which no tool can stall."""

    def __init__(self, *, threads: int = _THREADS) -> None:
        self._threads = ToolThreads(most=threads)
        self._loop = ToolLoop()

    @property
    def stuck(self) -> int:
        """Tools that went on after their time limit and hold a thread of this process."""
        return self._threads.stuck + self._loop.blocked

    async def call(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> str:
        """The text for the model: the result, or "error: ..." in words it can use."""
        given = {**arguments, tool.context: context} if tool.context else arguments
        text = await self._run(tool, tool.function, given, context)
        if text is not None:
            return text
        unsure = "" if tool.repeatable else "; whether it took effect is unknown, so do not simply call it again"
        return f"error: the tool did not finish within {tool.timeout_seconds:g} seconds{unsure}"

    async def reconcile(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> str | None:
        """What the tool's reconcile hook found out about a call that was cut off; None = it does not know."""
        if tool.reconcile is None:
            return None
        hook = tool.reconcile

        def found(**given: Any) -> Any:
            return hook(context, **given)

        return await self._run(tool, found, arguments, context, of_hook=True) or None

    def stop(self) -> None:
        """The worker ends: nothing is waited for."""
        self._loop.stop()

    async def _run(
        self,
        tool: Tool,
        function: Callable[..., Any],
        arguments: dict[str, Any],
        context: ToolContext,
        *,
        of_hook: bool = False,
    ) -> str | None:
        is_async = inspect.iscoroutinefunction(tool.reconcile) if of_hook else tool.is_async

        def in_thread() -> str:
            try:
                return _told(function(**arguments), of_hook)
            except BaseException as error:  # SystemExit too: whatever a tool does, the model hears of it
                return _failed(error, tool, of_hook)

        async def on_loop() -> str:
            try:
                return _told(await function(**arguments), of_hook)
            except asyncio.CancelledError as error:
                if context.cancelled.is_set():
                    raise
                return _failed(error, tool, of_hook)
            except BaseException as error:
                return _failed(error, tool, of_hook)

        if not is_async and self._threads.exhausted:
            log.error(
                "tool.no_thread_left", tool=tool.name, stuck=self.stuck, advice="tools hang: restart this worker"
            )
            return "error: this worker has no thread left for the tool: others hang in it"
        try:
            text = await self._somewhere(tool, is_async, in_thread, on_loop, context)
        finally:
            context.cancelled.set()
        if text is None:
            log.warning(
                "tool.timed_out",
                tool=tool.name,
                seconds=tool.timeout_seconds,
                stuck=self.stuck,
                advice="give it a longer timeout_seconds, or deadlines for what it calls",
            )
        return text

    async def _somewhere(
        self,
        tool: Tool,
        is_async: bool,
        in_thread: Callable[[], str],
        on_loop: Callable[[], Coroutine[Any, Any, str]],
        context: ToolContext,
    ) -> str | None:
        seconds = tool.timeout_seconds
        if not is_async:
            return await self._threads.run(in_thread, name=tool.name, seconds=seconds)
        if not tool.on_worker_loop:
            return await self._loop.run(on_loop, name=tool.name, seconds=seconds, cancelled=context.cancelled)
        task = asyncio.ensure_future(on_loop())
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                context.cancelled.set()
                task.cancel()
        return task.result() if done else None


def _told(value: Any, of_hook: bool) -> str:
    return _NOTHING if of_hook and value is None else as_text(value)


def _failed(error: BaseException, tool: Tool, of_hook: bool) -> str:
    log.warning("tool.reconcile_failed" if of_hook else "tool.failed", tool=tool.name, error=type(error).__name__)
    return _NOTHING if of_hook else as_error(error)
