"""A PostgreSQL that hangs, or a proxy before it: libpq waits for its answer for ever, a caller must not."""

import time
from collections.abc import Generator
from typing import Any

from sqlalchemy import Engine, event

_NOTHING_CAME = 0  # what psycopg tells a waiting operation when its look at the socket found nothing


def bound_answers(engine: Engine, seconds: float) -> None:
    """An operation on one of `engine`'s connections that gets no answer for `seconds` ends its connection.

    It raises OperationalError then, like any lost connection. The server's own timeouts come first while it lives.
    """
    import psycopg  # only who uses PostgreSQL has it

    class NoAnswer(psycopg.OperationalError):
        pass

    class Bounded(psycopg.Connection[Any]):
        def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
            try:
                return super().wait(within(gen), *arguments, **options)
            except NoAnswer:
                self.pgconn.finish()
                raise

    def within(operation: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        end = time.monotonic() + seconds
        ready = None
        while True:
            try:
                state = operation.send(ready)
            except StopIteration as done:
                return done.value
            ready = yield state
            if ready == _NOTHING_CAME and time.monotonic() > end:
                raise NoAnswer(f"no answer within {seconds:g} s")

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        return Bounded.connect(*arguments, **options)
