"""All MCP servers of a worker, on an event loop of their own: no answer of theirs stalls the worker's."""

import asyncio
import importlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import uvloop

from workers.tools.mcp.configuration import ServerConfig
from workers.tools.registry import Tool

if TYPE_CHECKING:
    from workers.tools.mcp.server import McpServer

_STOP_SECONDS: Final = 4.0
_FIRST_SECONDS: Final = 12.0  # a little more than the first attempt may take by itself

Offer = Callable[[str, list[Tool]], None]


def import_mcp() -> None:
    """Load the client: 0.7 s of CPU and 22 MB. So only where servers are configured, before the event loop runs."""
    importlib.import_module("workers.tools.mcp.server")


class McpServers:
    """Started from the worker's event loop, which `offer` is called on with a server's name and tools."""

    def __init__(self, servers: Sequence[ServerConfig], *, offer: Offer, jitter: Callable[[], float]) -> None:
        self._configs = servers
        self._offer = offer
        self._jitter = jitter
        self._servers: dict[str, McpServer] = {}
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="mcp", daemon=True)

    def start(self) -> None:
        """Begin to connect to all of them, side by side."""
        from workers.tools.mcp.server import McpServer

        home = asyncio.get_running_loop()
        for config in self._configs:
            self._servers[config.name] = McpServer(
                config,
                offered=self._offered(config.name, home),
                run=self._run(config.name),
                jitter=self._jitter,
            )
        self._thread.start()

    async def first_attempts(self) -> dict[str, str]:
        """Return once every server has answered or failed; the reasons of those that are away, by name."""

        async def tried() -> None:
            waits = [asyncio.ensure_future(server.tried.wait()) for server in self._servers.values()]
            await asyncio.wait(waits, timeout=_FIRST_SECONDS)
            for wait in waits:
                wait.cancel()

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(tried(), self._loop))
        return {name: server.away for name, server in self._servers.items() if server.away is not None}

    async def stop(self) -> None:
        """Close every session and end what was started; a few seconds at most."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop_all)
            await asyncio.to_thread(self._thread.join, _STOP_SECONDS)

    def _stop_all(self) -> None:
        for server in self._servers.values():
            server.stop()

    def _offered(self, name: str, home: asyncio.AbstractEventLoop) -> Callable[[list[Tool]], None]:
        def offered(tools: list[Tool]) -> None:
            if not home.is_closed():  # else the worker has ended
                home.call_soon_threadsafe(self._offer, name, tools)

        return offered

    def _run(self, name: str) -> Callable[[str, dict[str, Any], bool], Any]:
        async def run(tool: str, arguments: dict[str, Any], repeatable: bool) -> str:
            call = self._servers[name].call(tool, arguments, repeatable)
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))

        return run

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
            self._loop.run_until_complete(_end_tasks())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        await asyncio.gather(*(server.live() for server in self._servers.values()))


async def _end_tasks() -> None:
    """Calls that nobody waits for any longer."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1.0)
