"""One connection to an MCP server, from its beginning to its end; meanwhile its tools are followed."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Final

import anyio
import structlog
from mcp import Client, MCPError, types
from mcp.client.client import ConnectMode
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

from workers.tools.mcp.asking import every_tool, in_words
from workers.tools.mcp.configuration import Command, ServerConfig
from workers.tools.mcp.launching import launched
from workers.tools.mcp.reaching import Heard, called

log = structlog.get_logger()

_LOOK_SECONDS: Final = 60.0  # how often the list is read unasked: it tells that the server lives, too
_LIST_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.5


class Session:
    """Lives on the servers' event loop; `live` is used once.

    Args:
        connect_seconds: how long it may take until the server's tools are known.
        opened: called with the client and the server's tools once it can be called.
        listed: called with the server's tools whenever they were read again.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        connect_seconds: float,
        opened: Callable[[Client, list[types.Tool]], None],
        listed: Callable[[list[types.Tool]], None],
    ) -> None:
        self._config = config
        self._connect_seconds = connect_seconds
        self._opened = opened
        self._listed = listed
        self._ending = False
        self._wake = asyncio.Event()
        self.begun = False
        """It could be called."""
        self.heard = Heard()
        """What the server said besides."""

    def end(self) -> None:
        """Close it: it is lost, or not needed any more."""
        self._ending = True
        self._wake.set()

    async def live(self, mode: ConnectMode) -> str:
        """From its beginning to its end; why it ended."""
        why = "its connection was lost"
        # One scope around it all, whose deadline moves: a narrower one cannot be left in the middle of a session.
        with anyio.CancelScope(deadline=anyio.current_time() + self._connect_seconds) as scope:
            try:
                transport = self._transport()
                async with Client(transport, mode=mode, cache=None, message_handler=self._told) as client:
                    try:
                        tools = await every_tool(client)
                        scope.deadline = math.inf
                        self.begun = True
                        self._opened(client, tools)
                        await self._follow(client)
                    finally:
                        scope.deadline = anyio.current_time() + _CLOSE_SECONDS
            except Exception as error:
                why = in_words(error)
        if scope.cancelled_caught and not self.begun:
            why = f"it did not answer within {self._connect_seconds:g} seconds"
        return self._config.hide(why)

    def _transport(self) -> Any:
        reach = self._config.reach
        if isinstance(reach, Command):
            return launched(reach, self.heard, self.end)
        return called(reach, self.heard, timeout_seconds=self._config.timeout_seconds)

    async def _follow(self, client: Client) -> None:
        """Until it is to end: read the list of tools when it changed, and now and then."""
        hearing = asyncio.ensure_future(self._hear_changes(client))
        try:
            while not self._ending:
                await self._sleep(_LOOK_SECONDS)
                if not self._ending:
                    with anyio.fail_after(_LIST_SECONDS):
                        self._listed(await every_tool(client))
        finally:
            hearing.cancel()
            await asyncio.wait({hearing}, timeout=1.0)

    async def _hear_changes(self, client: Client) -> None:
        """The newer protocol's way; in the older one changes come unasked, see `_told`."""
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

    async def _told(self, message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._wake.set()

    async def _sleep(self, seconds: float) -> None:
        """Until woken."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._wake.clear()
