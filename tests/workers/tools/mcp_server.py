"""An MCP server of the official class, for the tests: `python mcp_server.py FOLDER [PORT]`, stdio without a port.

What it is told by files in FOLDER: `broken` = end at once, with a word on stderr. It writes its pid to `pid`.
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mcp import types
from mcp.server.mcpserver import Context, Image, MCPServer

FOLDER = Path(sys.argv[1])

server = MCPServer("test", log_level="ERROR")


@server.tool(annotations=types.ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(name="pay.out")
def pay(amount: int) -> str:
    """Pay."""
    with (FOLDER / "paid").open("a") as file:
        file.write(f"{amount}\n")
    return f"paid {amount}"


@server.tool()
def secret() -> str:
    """Fail, and tell what it was given."""
    raise RuntimeError(f"no access with {os.environ.get('TOKEN')}")


@server.tool()
def environment() -> list[str]:
    """The names of the variables."""
    return sorted(os.environ)


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """A picture."""
    return ["look:", Image(data=b"12345", format="png")]


@server.tool(structured_output=False)
def large(size: int) -> str:
    """Much text."""
    return "x" * size


@server.tool()
async def hang() -> str:
    """Never answer."""
    (FOLDER / "hanging").touch()
    try:
        await asyncio.sleep(3600)
    finally:
        (FOLDER / "hung up").touch()
    return "never"


@server.tool()
async def freeze() -> str:
    """Block the whole server, with a child of its own."""
    child = subprocess.Popen(["sleep", "3600"])
    (FOLDER / "frozen").write_text(str(child.pid))
    time.sleep(3600)
    return "never"


@server.tool()
async def die() -> str:
    """End in the middle of the call."""
    with (FOLDER / "deaths").open("a") as file:
        file.write("x")
    os._exit(7)


@server.tool(annotations=types.ToolAnnotations(idempotent_hint=True))
async def die_once() -> str:
    """End in the middle of the first call."""
    if not (FOLDER / "died").exists():
        (FOLDER / "died").touch()
        os._exit(7)
    return "done"


@server.tool()
async def learn(context: Context) -> str:
    """Get another tool."""
    server.add_tool(lambda: "new", name="newest", description="The newest.")
    await context.notify_tools_changed()
    await context.session.send_tool_list_changed()
    return "learnt"


def main() -> None:
    (FOLDER / "pid").write_text(str(os.getpid()))
    with (FOLDER / "starts").open("a") as file:
        file.write("x")
    if (FOLDER / "broken").exists():
        sys.stderr.write(f"the server is broken today, {os.environ.get('TOKEN')}\n")
        sys.exit(3)
    if len(sys.argv) > 2:
        server.run("streamable-http", port=int(sys.argv[2]))
    else:
        server.run("stdio")


if __name__ == "__main__":
    main()
