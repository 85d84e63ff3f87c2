"""A way to a server that can be frozen, cut, or cut just after the server did what it was asked."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")

_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


class Way(StrEnum):
    """How the proxy behaves."""

    OPEN = "open"
    FROZEN = "frozen"  # connections stand and are accepted, no byte passes
    CUT = "cut"  # connections are reset, new ones refused
    EXECUTED = "executed"  # the request reaches the server, the connection is reset when the answer comes


class Proxy:
    """Listens on loopback TCP and passes everything on to a Unix socket. Thread-safe."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._way = Way.OPEN
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()
        self._run(self._listen())

    def set(self, way: Way) -> None:
        """From now on."""
        self._run(self._set(way))

    def stop(self) -> None:
        """Reset everything and end."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return done.result(10)

    async def _listen(self) -> None:
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _set(self, way: Way) -> None:
        self._way = way
        (self._thawed.clear if way is Way.FROZEN else self._thawed.set)()
        if way is Way.CUT and self._server is not None:
            self._server.close()
            self._server = None
            self._reset()
        elif way is not Way.CUT and self._server is None:
            await self._listen()
            (self._thawed.clear if way is Way.FROZEN else self._thawed.set)()

    async def _end(self) -> None:
        await self._set(Way.CUT)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        await asyncio.sleep(0.05)  # who was accepted in the last moment is reset too, and every socket closed

    def _reset(self) -> None:
        for writer in tuple(self._writers):
            _abort(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._way is Way.CUT:
            _abort(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            their_reader, their_writer = await asyncio.open_unix_connection(self._target)
            self._writers.add(their_writer)
            try:
                # The end of either direction is the end of both.
                pumps = [
                    asyncio.ensure_future(self._pump(reader, their_writer, answers=False)),
                    asyncio.ensure_future(self._pump(their_reader, writer, answers=True)),
                ]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
            finally:
                self._writers.discard(their_writer)
                _abort(their_writer)
        except OSError:
            pass  # the server is away: so is its proxy
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            _abort(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await reader.read(65536):
            await self._thawed.wait()
            if answers and self._way is Way.EXECUTED:
                return
            writer.write(data)
            await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    line: socket.socket | None = writer.get_extra_info("socket")
    if line is not None and line.family == socket.AF_INET and line.fileno() >= 0:
        with suppress(OSError):  # the other side was quicker
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


@contextmanager
def open_proxy(target: str) -> Iterator[Proxy]:
    """A proxy to the Unix socket `target`; gives it started."""
    proxy = Proxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
