"""A way to PostgreSQL on which the answer to a COMMIT gets lost: stored, and nobody was told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import make_url


@dataclass(slots=True)
class Line:
    """`url` leads through it; the next `lose` answers that hold `answer` are swallowed, and the connection cut."""

    answer: bytes
    url: str = ""
    lose: int = 0
    lost: int = 0
    ends_with_it: bool = False
    """Whether nobody gets through any more after that."""
    _ends: list[socket.socket] = field(default_factory=list)

    def serve(self, server: socket.socket, path: str) -> None:
        """Pass on, connection by connection, until `server` is closed."""
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                if self.lost and self.ends_with_it:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(path)
                self._ends += [near, far]
                threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    def close(self) -> None:
        """Cut whatever is open."""
        for end in self._ends:
            end.close()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        def answers() -> None:
            with suppress(OSError):
                while data := far.recv(65536):
                    if self.lose and self.answer in data:
                        self.lose, self.lost = self.lose - 1, self.lost + 1
                        break
                    near.sendall(data)
            _cut(near, far)

        threading.Thread(target=answers, daemon=True).start()
        with suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
        _cut(near, far)


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def losing_answers(postgres_url: str, answer: bytes = b"COMMIT\0") -> Iterator[Line]:
    """A line to the server of `postgres_url`, which listens on a Unix socket; `answer` is a command's tag."""
    url = make_url(postgres_url)
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = Line(answer)
        through = url.set(host="127.0.0.1", port=server.getsockname()[1], query={"sslmode": "disable"})
        line.url = through.render_as_string(hide_password=False)
        path = f"{url.query['host']}/.s.PGSQL.5432"
        threading.Thread(target=line.serve, args=(server, path), daemon=True).start()
        try:
            yield line
        finally:
            server.shutdown(socket.SHUT_RDWR)
            line.close()
