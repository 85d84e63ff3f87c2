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


async def stream(request: web.Request, frames: list[bytes], headers: dict[str, str]) -> web.StreamResponse:
    """Sends `frames` as server-sent events, one write each."""
    response = await _begin_stream(request, headers)
    for frame in frames:
        await response.write(frame)
    await response.write_eof()
    return response


async def die_mid_stream(request: web.Request, frames: list[bytes], headers: dict[str, str]) -> web.StreamResponse:
    """Sends the first half of `frames`, then closes the connection without the final chunk."""
    response = await _begin_stream(request, headers)
    for frame in frames[: (len(frames) + 1) // 2]:
        await response.write(frame)
    _close(request)
    return response


async def die_mid_body(request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
    """Promises the whole `body` by Content-Length, sends half of it, then closes the connection."""
    response = web.StreamResponse(headers=headers | {"content-type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _close(request)
    return response


async def _begin_stream(request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
    sse = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    response = web.StreamResponse(headers=headers | sse)
    await response.prepare(request)
    return response


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()  # what was written is still sent; an abort would drop it
