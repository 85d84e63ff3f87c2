"""What the network does instead of an answer."""

import asyncio
import socket
import struct

from aiohttp import web

_LINGER_ZERO = struct.pack("ii", 1, 0)


async def hang() -> web.StreamResponse:
    """Never answers. The server cancels the handler when the client leaves or the server stops."""
    await asyncio.Event().wait()
    raise AssertionError("nothing sets this event")


def reset(request: web.Request) -> web.StreamResponse:
    """Ends the connection with a TCP RST: closing a socket that lingers for zero seconds sends one."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        request.transport.abort()
    return web.Response()


async def begin_stream(request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
    """The head of an answer in server-sent events."""
    sse = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    response = web.StreamResponse(headers=headers | sse)
    await response.prepare(request)
    return response


def drop(request: web.Request) -> None:
    """Closes the connection in the middle of an answer; what was written is still sent, an abort would drop it."""
    if request.transport is not None:
        request.transport.close()


async def die_mid_body(request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
    """Promises the whole `body` by Content-Length, sends half of it, then closes the connection."""
    response = web.StreamResponse(headers=headers | {"content-type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    drop(request)
    return response
