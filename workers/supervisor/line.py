"""One end of a socket pair between controller, forker and workers: JSON objects, one a line.

A worker's line is also how its death is seen: the kernel closes it with the process, whoever its parent is.
"""

import json
import os
import socket
from typing import Any, Final

_READ_BYTES: Final = 65536


class Line:
    """Never blocks. Not thread-safe."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._heard = b""
        self._unsent = b""
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """For selectors."""
        return self._socket.fileno()

    def tell(self, descriptor: int | None = None, **message: Any) -> bool:
        """Send `message`, with an open file if one is given. False when the other end is gone or does not read."""
        data = self._unsent + json.dumps(message).encode() + b"\n"
        try:
            if descriptor is None:
                sent = self._socket.send(data)
            else:
                sent = socket.send_fds(self._socket, [data], [descriptor])
        except OSError:  # gone is seen by its reader; full means that nobody has read for thousands of messages
            return False
        self._unsent = data[sent:]
        return True

    def hear(self) -> tuple[list[dict[str, Any]], bool]:
        """Every message that has come; and whether the other end is still there."""
        is_open = True
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, _READ_BYTES, 16)
            except BlockingIOError:
                break
            except OSError:
                is_open = False
                break
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)  # a program that a tool starts would keep the line open
            self._descriptors.extend(descriptors)
            if not data:
                is_open = False
                break
            self._heard += data
        *lines, self._heard = self._heard.split(b"\n")
        return [json.loads(line) for line in lines], is_open

    def take_descriptors(self) -> list[int]:
        """The open files that came along, in the order of their messages; they are the caller's now."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()


def line_pair() -> tuple[Line, socket.socket]:
    """Our end, and the one to hand to another process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Line(ours), theirs
