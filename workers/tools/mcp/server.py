"""One MCP server as long as the worker lives: connected, its tools followed, reopened when it is lost."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import structlog
from mcp import Client, MCPError, types
from mcp.client.client import ConnectMode
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

from workers.tools.mcp.asking import every_tool, in_words, is_forgotten
from workers.tools.mcp.configuration import Command, ServerConfig
from workers.tools.mcp.launching import launched
from workers.tools.mcp.offering import offer
from workers.tools.mcp.pausing import GIVES_UP_AT, pause
from workers.tools.mcp.reaching import Heard, called
from workers.tools.mcp.results import told
from workers.tools.registry import Tool

log = structlog.get_logger()

CONNECT_SECONDS: Final = 10.0
"""From the start of a connection to the server's list of tools."""

_LOOK_SECONDS: Final = 60.0  # how often the list is read unasked: it tells that the server lives, too
_LIST_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.5
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
        self._client: Client | None = None
        self._known: list[types.Tool] | None = None
        self._stopping = False
        self._lost = False
        self._begun = False
        self._connected = asyncio.Event()
        self._wake = asyncio.Event()
        self.tried = asyncio.Event()
        """The first attempt has ended, one way or the other."""
        self.away: str | None = "not asked yet"
        """Why it cannot be called now; None = it can."""

    async def live(self) -> None:
        """Connect, and again whenever it is lost, until `stop`."""
        failures, older = 0, False
        clock = asyncio.get_running_loop().time
        while not self._stopping:
            begun, heard = clock(), Heard()
            self._unusable(await self._session("legacy" if older else "auto", heard))
            if self._stopping:
                break
            self._wake.clear()
            # Some older servers cannot take the newer handshake's first question: every other attempt does without.
            older = older if self._begun else not older
            failures = 1 if clock() - begun > _STABLE_SECONDS else failures + 1
            self._tell(failures, heard)
            if heard.words:
                self.away = f"{self.away}; it said: {self._config.hide(heard.words)}"
            if failures == GIVES_UP_AT and self._known:
                self._offered([])
                self._known = None
            self.tried.set()
            await self._sleep(pause(failures, self._jitter()))
        self.tried.set()

    def stop(self) -> None:
        """Close the session and end `live`."""
        self._stopping = True
        self._wake.set()

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
        if self._client is client:
            self._lost = True
            self._unusable("its connection was lost")
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
        self._wake.set()

    async def _session(self, mode: ConnectMode, heard: Heard) -> str:
        """One session from its beginning to its end; why it ended."""
        self._lost = self._begun = False
        why = "its connection was lost"
        # One scope around it all, whose deadline moves: a narrower one cannot be left in the middle of a session.
        with anyio.CancelScope(deadline=anyio.current_time() + CONNECT_SECONDS) as scope:
            try:
                transport = self._transport(heard)
                async with Client(transport, mode=mode, cache=None, message_handler=self._heard) as client:
                    try:
                        tools = await every_tool(client)
                        scope.deadline = math.inf
                        self._begin(client, tools)
                        await self._follow(client)
                    finally:
                        scope.deadline = anyio.current_time() + _CLOSE_SECONDS
            except Exception as error:
                why = in_words(error)
        if scope.cancelled_caught and not self._begun:
            why = f"it did not answer within {CONNECT_SECONDS:g} seconds"
        return self._config.hide(why)

    def _transport(self, heard: Heard) -> Any:
        reach = self._config.reach
        if isinstance(reach, Command):
            return launched(reach, heard, self._ended)
        return called(reach, heard, timeout_seconds=self._config.timeout_seconds)

    def _begin(self, client: Client, tools: list[types.Tool]) -> None:
        self._client, self.away, self._begun = client, None, True
        self._show(tools)
        self._connected.set()
        self.tried.set()
        log.info("mcp.connected", server=self._config.name, tools=len(tools), protocol=client.protocol_version)

    async def _follow(self, client: Client) -> None:
        """Until the session is lost or told to stop: read the list of tools when it changed, and now and then."""
        hearing = asyncio.ensure_future(self._hear_changes(client))
        try:
            while not self._stopping and not self._lost:
                await self._sleep(_LOOK_SECONDS)
                if not self._stopping and not self._lost:
                    with anyio.fail_after(_LIST_SECONDS):
                        self._show(await every_tool(client))
        finally:
            hearing.cancel()
            await asyncio.wait({hearing}, timeout=1.0)

    async def _hear_changes(self, client: Client) -> None:
        """The newer protocol's way; in the older one changes come unasked, see `_heard`."""
        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._wake.set()
        except ListenNotSupportedError:
            return
        except (MCPError, SubscriptionLost) as error:
            log.debug("mcp.changes_unheard", server=self._config.name, error=type(error).__name__)
        self._wake.set()  # to see whether it is still there; from now on the list is read now and then

    async def _heard(self, message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._wake.set()

    def _ended(self) -> None:
        self._lost = True
        self._wake.set()

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

    async def _sleep(self, seconds: float) -> None:
        """Until woken."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    def _tell(self, failures: int, heard: Heard) -> None:
        tell = log.warning if failures in (1, GIVES_UP_AT) else log.debug
        tell(
            "mcp.server_away",
            server=self._config.name,
            why=self.away,
            said=self._config.hide(heard.words),
            attempts=failures,
            advice="it is tried again, once a minute at last; jobs go on, without its tools if it stays away",
        )
