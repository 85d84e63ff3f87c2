"""A server that is a child of this process, spoken to over its stdin and stdout, and never left behind.

The client's own launcher is not used: under uvloop the descriptors it makes are inherited by what the server starts,
which then hides its death; and nothing ends a server that is not reading when this process is killed.
"""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import types
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

from workers.tools.mcp.configuration import Command
from workers.tools.mcp.reaching import LONGEST_MESSAGE, Heard, Streams

_LEAVE_SECONDS: Final = 1.5  # for a server to end by itself, once its stdin is closed
_REAP_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.02

# The server's stderr is a socket of ours. In its process group a shell waits on it: it closes when this process ends,
# even by SIGKILL, and then the whole group is killed, with what the server itself has started. (The end of its stdin
# ends a server only when it is reading; the kernel's parent-death signal reaches no grandchild.) The double
# parentheses make the guard no child of the server; its `exec` lets go of the server's stdout.
_GUARDED: Final = '( ( exec <&2 >/dev/null 2>&1; read -r _; kill -s KILL -- "-$$" ) & ); exec "$@"'


@asynccontextmanager
async def launched(server: Command, heard: Heard, ended: Callable[[], None]) -> AsyncIterator[Streams]:
    """Start the server, and end it with all that it started; `ended` is called when it closes its stdout before that.

    Its environment is HOME, LOGNAME, PATH, SHELL, TERM, USER and what the configuration gives it, nothing else.

    Raises:
        OSError: it cannot be started.
    """
    process, talk, life = _start(server)
    reader, writer = await asyncio.open_unix_connection(sock=talk, limit=LONGEST_MESSAGE)
    words, lifeline = await asyncio.open_unix_connection(sock=life)
    incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    async with incoming, read, write, outgoing, anyio.create_task_group() as tasks:
        tasks.start_soon(_listen, words, heard)
        tasks.start_soon(_receive, reader, incoming, heard, ended)
        tasks.start_soon(_send, outgoing, writer)
        try:
            yield read, write
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process, writer, lifeline)
            tasks.cancel_scope.cancel()


def _start(server: Command) -> "tuple[subprocess.Popen[bytes], socket.socket, socket.socket]":
    talk, its_talk = socket.socketpair()
    life, its_life = socket.socketpair()
    with its_talk, its_life:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARDED, "sh", server.command, *server.args],
                stdin=its_talk.fileno(),
                stdout=its_talk.fileno(),
                stderr=its_life.fileno(),
                env=get_default_environment() | dict(server.env),
                cwd=server.cwd,
                start_new_session=True,
            )
        except OSError:
            talk.close()
            life.close()
            raise
    return process, talk, life


async def _end(
    process: "subprocess.Popen[bytes]", writer: asyncio.StreamWriter, lifeline: asyncio.StreamWriter
) -> None:
    """Close its stdin and give it a moment; then its guard kills what is left."""
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()
    await _exited(process, _LEAVE_SECONDS)
    lifeline.close()
    writer.close()
    await _exited(process, _REAP_SECONDS)


async def _exited(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    with anyio.move_on_after(seconds):
        while process.poll() is None:  # noqa: ASYNC110 - nothing tells: a child watcher needs the main thread
            await anyio.sleep(_POLL_SECONDS)


async def _listen(reader: asyncio.StreamReader, heard: Heard) -> None:
    while data := await reader.read(4096):
        heard.wrote(data)


async def _receive(
    reader: asyncio.StreamReader,
    incoming: "MemoryObjectSendStream[SessionMessage | Exception]",
    heard: Heard,
    ended: Callable[[], None],
) -> None:
    async with incoming:
        try:
            while line := await reader.readline():
                try:
                    message = SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
                except ValueError:
                    heard.wrote(b"no message of the protocol on stdout: " + line[:200])
                    continue
                await incoming.send(message)
        except (ConnectionError, anyio.BrokenResourceError):
            return  # the server, or our side of the session, is gone
        except ValueError:
            heard.wrote(b"a message of more than %d bytes" % LONGEST_MESSAGE)
        finally:
            ended()


async def _send(outgoing: "MemoryObjectReceiveStream[SessionMessage]", writer: asyncio.StreamWriter) -> None:
    async for message in outgoing:
        writer.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
        try:
            await writer.drain()
        except ConnectionError:
            return  # its stdout ends, too: that is where it is noticed
