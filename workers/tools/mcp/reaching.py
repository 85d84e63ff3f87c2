"""What a server says besides its answers, and the way to one that is spoken to over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from mcp.client.streamable_http import streamable_http_client

from workers.tools.mcp.configuration import Address

_CONNECT_SECONDS: Final = 10.0
_REMEMBERED: Final = 2000  # bytes

LONGEST_MESSAGE: Final = 16 * 1024 * 1024
"""Bytes; a server that sends a longer one is cut off. What a model reads of it is far less."""

Streams = tuple[Any, Any]
"""Where the client reads, and where it writes; see mcp's Transport."""


class Heard:
    """The last words of a server on its stderr, or the last refusal of its HTTP side."""

    def __init__(self) -> None:
        self._bytes = b""
        self._status: int | None = None

    def wrote(self, data: bytes) -> None:
        """It wrote this on stderr."""
        self._bytes = (self._bytes + data)[-_REMEMBERED:]

    async def answered(self, response: httpx2.Response) -> None:
        """It answered by HTTP."""
        if response.status_code >= 400:
            self._status = response.status_code

    @property
    def words(self) -> str:
        """What is worth telling, perhaps nothing."""
        status = f"HTTP {self._status}" if self._status else ""
        return self._bytes.decode("utf-8", "replace").strip() or status


@asynccontextmanager
async def called(server: Address, heard: Heard, *, timeout_seconds: float) -> AsyncIterator[Streams]:
    """A session over HTTP. No answer for longer than `timeout_seconds` (5 min at least) ends it."""
    async with (
        httpx2.AsyncClient(
            headers=dict(server.headers),
            timeout=httpx2.Timeout(_CONNECT_SECONDS, read=max(300.0, timeout_seconds + 10)),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
            event_hooks={"response": [heard.answered]},
        ) as client,
        streamable_http_client(server.url, http_client=client, max_sse_event_size=LONGEST_MESSAGE) as streams,
    ):
        yield streams
