"""What a worker needs in memory to start: made by itself when it is alone, by the forker once for all it forks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine

from shared.settings import Settings
from workers.journal.dialects import dialect_of
from workers.journal.statements import Statements
from workers.llm.setup import import_litellm
from workers.tools.loading import load_tools
from workers.tools.mcp.configuration import ServerConfig, read_servers
from workers.tools.mcp.servers import import_mcp
from workers.tools.registry import Tool

NAME: Final = "watchkeeper-worker"
"""What its connections are called in both stores."""

CONNECTIONS: Final = 3
"""To each store; the journal writer, the event loop and the tools have their own."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """Nothing here is connected, and no thread runs: a fork may copy it."""

    litellm: Any
    tools: dict[str, Tool]
    servers: Sequence[ServerConfig]
    statements: Statements
    engine: Engine | None = None
    """The database of a schema that was checked; None: the worker sees to both."""

    warm: bool = False
    """litellm has made its first calls."""

    filling: Sequence[object] = ()
    """See workers/supervisor/packing.py."""


def equip(settings: Settings) -> Equipment:
    """Load everything: 2-4 s of CPU the first time in a process.

    Raises:
        ConfigurationError: tools or MCP servers are not what they should be.
    """
    litellm = import_litellm()
    tools = load_tools(settings.tools)
    servers = read_servers(settings.mcp_servers, settings.environ)
    if servers:
        import_mcp()
    return Equipment(litellm, tools, servers, Statements(dialect_of(settings.locations.database_url)))
