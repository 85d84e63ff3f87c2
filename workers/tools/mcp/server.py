"""One MCP server as long as the worker lives: reopened when it is lost, its tools offered, its calls carried out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from mcp import Client, MCPError, types

from workers.tools.mcp.asking import is_forgotten
from workers.tools.mcp.configuration import ServerConfig
from workers.tools.mcp.offering import offer
from workers.tools.mcp.pausing import GIVES_UP_AT, pause
from workers.tools.mcp.results import told
from workers.tools.mcp.session import Session
from workers.tools.registry import Tool

log = structlog.get_logger()

CONNECT_SECONDS: Final = 10.0
"""From the start of a connection to the server's list of tools."""

WAIT_SECONDS: Final = CONNECT_SECONDS
"""A call waits this long for a server that is being reopened; its own time limit counts on."""

_STABLE_SECONDS: Final = 60.0  # a session that lived so long was no failed attempt

Run = Callable[[str, dict[str, Any], bool], Awaitable[str]]


class McpServer:
    """Lives on the servers' event loop.

    Args:
        offered: called with the server's tools whenever they change; with none when it stays away.
        run: what the tools call, from the worker's event loop; it leads to `call`.
        jitter: from 0 to 1, of the pauses between attempts.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        offered: Callable[[list[Tool]], None],
        run: Run,
        jitter: Callable[[], float],
    ) -> None:
        self._config = config
        self._offered = offered
        self._run = run
        self._jitter = jitter
        self._session: Session | None = None
        self._client: Client | None = None
        self._known: list[types.Tool] | None = None
        self._stopping = asyncio.Event()
        self._connected = asyncio.Event()
        self.tried = asyncio.Event()
        """The first attempt has ended, one way or the other."""
        self.away: str | None = "not asked yet"
        """Why it cannot be called now; None = it can."""

    async def live(self) -> None:
        """Connect, and again whenever it is lost, until `stop`."""
        failures, older = 0, False
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            begun = clock()
            self._session = session = Session(
                self._config, connect_seconds=CONNECT_SECONDS, opened=self._open, listed=self._show
            )
            self._unusable(await session.live("legacy" if older else "auto"))
            if self._stopping.is_set():
                break
            # Some older servers cannot take the newer handshake's first question: every other attempt does without.
            older = older if session.begun else not older
            failures = 1 if clock() - begun > _STABLE_SECONDS else failures + 1
            self._tell(failures, session.heard.words)
            if failures == GIVES_UP_AT and self._known:
                self._offered([])
                self._known = None
            self.tried.set()
            await self._rest(pause(failures, self._jitter()))
        self.tried.set()

    def stop(self) -> None:
        """Close the session and end `live`."""
        self._stopping.set()
        if self._session is not None:
            self._session.end()

    async def call(self, tool: str, arguments: dict[str, Any], repeatable: bool) -> str:
        """The text for the model, whatever happens to the server meanwhile. Deadlines are the caller's.

        Raises:
            Exception: the server's answer keeps to no rule.
        """
        return await self._call(tool, arguments, repeatable, again=True)

    async def _call(self, tool: str, arguments: dict[str, Any], repeatable: bool, *, again: bool) -> str:
        client = await self._usable()
        if client is None:
            return f"error: the MCP server {self._config.name!r} is away: do without it, or try again later"
        try:
            result = await client.call_tool(tool, arguments)
            return self._config.hide(told(result)) if result.is_error else told(result)
        except MCPError as error:
            forgotten = is_forgotten(error)
            if error.code != types.CONNECTION_CLOSED and not forgotten:
                return self._config.hide(f"error: {error.message}")
        if self._client is client and self._session is not None:
            self._unusable("its connection was lost")
            self._session.end()
        if again and (repeatable or forgotten):
            return await self._call(tool, arguments, repeatable, again=False)
        unsure = "" if repeatable else "; whether it took effect is unknown, so do not simply call it again"
        return f"error: the connection to the MCP server {self._config.name!r} broke during the call{unsure}"

    async def _usable(self) -> Client | None:
        if self._client is None and self._known is not None:  # else it has been away for long
            try:
                await asyncio.wait_for(self._connected.wait(), WAIT_SECONDS)
            except TimeoutError:
                return None
        return self._client

    def _unusable(self, why: str) -> None:
        self._client, self.away = None, why
        self._connected.clear()

    def _open(self, client: Client, tools: list[types.Tool]) -> None:
        self._client, self.away = client, None
        self._show(tools)
        self._connected.set()
        self.tried.set()
        log.info("mcp.connected", server=self._config.name, tools=len(tools), protocol=client.protocol_version)

    def _show(self, tools: list[types.Tool]) -> None:
        if tools == self._known:
            return
        offered, left_out = offer(self._config, tools, self._run)
        for name, why in left_out.items():
            log.warning(
                "mcp.tool_left_out", server=self._config.name, tool=name, why=why,
                advice="agents cannot have it: give the server or the tool a shorter, distinct name",
            )  # fmt: skip
        if self._known is not None:
            log.info("mcp.tools_changed", server=self._config.name, tools=", ".join(tool.name for tool in offered))
        self._known = tools
        self._offered(offered)

    async def _rest(self, seconds: float) -> None:
        """Between two attempts."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _tell(self, failures: int, said: str) -> None:
        tell = log.warning if failures in (1, GIVES_UP_AT) else log.debug
        tell(
            "mcp.server_away",
            server=self._config.name,
            why=self.away,
            said=self._config.hide(said),
            attempts=failures,
            advice="it is tried again, once a minute at last; jobs go on, without its tools if it stays away",
        )
        if said:
            self.away = f"{self.away}; it said: {self._config.hide(said)}"
