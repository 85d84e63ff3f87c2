"""`python -m workers.tools`: what a worker would offer, as JSON on stdout. For `watchkeeper tools ls`.

`{"tools": [...], "away": {"server": "why its tools are missing"}}`
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import partial

from shared.errors import ServiceError
from shared.logs import configure_logging
from shared.settings import load_settings
from workers.tools.loading import load_tools
from workers.tools.mcp.configuration import ServerConfig, read_servers
from workers.tools.mcp.offering import put_in
from workers.tools.mcp.servers import McpServers, import_mcp
from workers.tools.registry import Tool


def main() -> int:
    """Print them; 1 with the reason on stderr when they cannot be loaded."""
    away: dict[str, str] = {}
    try:
        with redirect_stdout(sys.stderr):  # a module that prints as it is imported must not spoil the JSON
            settings = load_settings()
            configure_logging(room="tools", format=settings.log_format, level="error")
            tools = load_tools(settings.tools)
            servers = read_servers(settings.mcp_servers, settings.environ)
            if servers:
                import_mcp()
                away = asyncio.run(_ask(servers, tools))
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    listed = [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "repeatable": tool.repeatable,
            "timeout_seconds": tool.timeout_seconds,
            "module": tool.module,
        }
        for _, tool in sorted(tools.items())
    ]
    json.dump({"tools": listed, "away": away}, sys.stdout)
    return 0


async def _ask(servers: Sequence[ServerConfig], tools: dict[str, Tool]) -> dict[str, str]:
    """Let the servers' tools join `tools`; the reasons of those that are away."""
    mcp = McpServers(servers, offer=partial(put_in, tools), jitter=random.Random().random)
    mcp.start()
    away = await mcp.first_attempts()
    await mcp.stop()
    return away


if __name__ == "__main__":
    sys.exit(main())
