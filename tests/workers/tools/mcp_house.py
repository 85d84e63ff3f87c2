"""MCP servers as a worker opens them, and what is left of them."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types

from tests.waiting import wait_until
from tests.workers.tools.calling import a_context
from workers.tools.calling import ToolCalls
from workers.tools.mcp.configuration import read_servers
from workers.tools.mcp.offering import put_in
from workers.tools.mcp.servers import McpServers, import_mcp
from workers.tools.registry import BUILT_IN, Tool

SERVER = Path(__file__).with_name("mcp_server.py")


def here(folder: Path, **settings: Any) -> dict[str, Any]:
    """The entry of the test server on stdio."""
    return {"command": sys.executable, "args": [str(SERVER), str(folder)], **settings}


def written(folder: Path, **servers: dict[str, Any]) -> Path:
    """A file with these servers."""
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


@dataclass(slots=True)
class Opened:
    """The servers of a worker, and the tools it has by now."""

    servers: McpServers
    tools: dict[str, Tool]
    away: dict[str, str] = field(default_factory=dict)
    calls: ToolCalls = field(default_factory=ToolCalls)

    async def call(self, tool: str, **arguments: Any) -> str:
        """What the model reads."""
        return await self.calls.call(self.tools[tool], arguments, a_context())


@asynccontextmanager
async def opened(folder: Path, environ: dict[str, str] | None = None, **servers: Any) -> AsyncIterator[Opened]:
    """Connected, or told why not; closed at the end, with nothing left."""
    import_mcp()
    tools = dict(BUILT_IN)
    configs = read_servers(written(folder, **servers), environ or {})
    mcp = McpServers(configs, offer=partial(put_in, tools), jitter=lambda: 0.0)
    mcp.start()
    house = Opened(mcp, tools)
    try:
        house.away = await mcp.first_attempts()
        yield house
    finally:
        await mcp.stop()
        await asyncio.to_thread(wait_until, lambda: not left_of(folder), 3.0)


def left_of(folder: Path) -> list[str]:
    """The command lines of test servers of `folder` on stdio that run, guards included."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        if command[-1:] == [str(folder)] and process.status() != psutil.STATUS_ZOMBIE:
            found.append(" ".join(command))
    return found
