"""What is asked of a server besides calls, and what its refusals mean."""

from typing import Final

from mcp import Client, MCPError, types

_MOST_PAGES: Final = 100


async def every_tool(client: Client) -> list[types.Tool]:
    """The server's list of tools, page by page."""
    tools: list[types.Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


def is_forgotten(error: MCPError) -> bool:
    """A server that was restarted does not know the session any more: it did not begin the call."""
    return error.code == types.INVALID_REQUEST and "session" in error.message.lower()


def in_words(error: BaseException) -> str:
    """Why a session ended, for the log."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        return f"it ended or refused: {error.message}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
