"""A server's tools as this worker offers them: `server__tool`. Pure."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from workers.tools.mcp.configuration import ServerConfig
from workers.tools.registry import Tool

if TYPE_CHECKING:
    from mcp import types

Call = Callable[[str, dict[str, Any], bool], Awaitable[str]]
"""Calls a tool by its name at the server, with arguments; whether it may be repeated. The text for the model."""

_UNFIT: Final = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST: Final = 64  # of a tool's name at every provider


def offer(server: ServerConfig, listed: "Sequence[types.Tool]", call: Call) -> tuple[list[Tool], dict[str, str]]:
    """The tools, and those that cannot be offered, each with the reason."""
    offered: dict[str, Tool] = {}
    left_out: dict[str, str] = {}
    for tool in listed:
        name = f"{server.name}__{_UNFIT.sub('_', tool.name)}"
        if len(name) > _LONGEST:
            left_out[tool.name] = f"{name!r} is longer than the {_LONGEST} characters that providers take"
        elif name in offered:
            left_out[tool.name] = f"another of its tools is called {name!r} already"
        else:
            offered[name] = _tool(server, tool, name, call)
    return list(offered.values()), left_out


def put_in(tools: dict[str, Tool], server: str, offered: Sequence[Tool]) -> None:
    """Let `tools` hold exactly these of `server`; a tool of another origin keeps its name."""
    module = _module(server)
    for name in [name for name, tool in tools.items() if tool.module == module]:
        del tools[name]
    for tool in offered:
        tools.setdefault(tool.name, tool)


def may_repeat(server: ServerConfig, tool: "types.Tool") -> bool:
    """Whether the tool may run again when its worker died in the middle: a person says so, or it says so itself."""
    if isinstance(server.repeatable, bool):
        return server.repeatable
    if server.repeatable is not None:
        return tool.name in server.repeatable
    hints = tool.annotations
    return hints is not None and (hints.read_only_hint is True or hints.idempotent_hint is True)


def _tool(server: ServerConfig, tool: "types.Tool", name: str, call: Call) -> Tool:
    asked, repeatable = tool.name, may_repeat(server, tool)

    async def function(**arguments: Any) -> str:
        return await call(asked, arguments, repeatable)

    schema = {key: value for key, value in tool.input_schema.items() if key != "$schema"}
    return Tool(
        name=name,
        description=tool.description or tool.title or tool.name.replace("_", " "),
        parameters={"properties": {}, **schema},
        function=function,
        is_async=True,
        on_worker_loop=True,  # it only waits: the talking is done on the servers' own loop
        repeatable=repeatable,
        timeout_seconds=server.timeout_seconds,
        module=_module(server.name),
    )


def _module(server: str) -> str:
    return f"MCP server {server}"
