"""What one call really exchanged over HTTP, seen where httpx sends it: litellm loses bodies, headers and statuses.

Every way litellm reaches a provider ends in `httpx.AsyncClient.send`. There a call's request, answer and network
error are noted for whoever made the call, and a second request of the same call is refused before it leaves: litellm
and the SDKs below it repeat on their own in places that no option turns off, and the first may have been paid for.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx

_REQUEST_IDS: Final = (
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-goog-request-id",
    "cf-ray",
)
_TAIL: Final = 64  # pieces; an error in the middle of a stream is in the last of them


class Gate(Protocol):
    """Whether something may begin (`workers.starting.Starting`)."""

    @property
    def open(self) -> bool:
        """In this very moment."""
        ...

    async def wait(self) -> None:
        """Until it may."""
        ...


@dataclass(slots=True)
class Exchange:
    """One call's way over HTTP: `sent` is the request (None = none was made), then an answer or an error.

    `tail` holds the last pieces of a streamed body. `over`: the call has ended, nothing more leaves in its name.
    `gate`: asked once more before a request leaves.
    """

    sent: httpx.Request | None = None
    response: httpx.Response | None = None
    error: BaseException | None = None
    tail: deque[bytes] = field(default_factory=lambda: deque(maxlen=_TAIL))
    over: bool = False
    gate: Gate | None = None

    def answer(self) -> tuple[int, dict[str, str], str] | None:
        """Status, headers and body; None when no answer came, or it broke off in the middle of the body."""
        if self.response is None or self.error is not None:
            return None
        try:
            body = self.response.text
        except httpx.ResponseNotRead:
            if not self.response.is_stream_consumed:
                return None
            body = self._told()
        return self.response.status_code, dict(self.response.headers), body

    @property
    def request_id(self) -> str:
        """The provider's name for the request, to be quoted to its support; empty when it gave none."""
        headers: Any = self.response.headers if self.response is not None else {}
        return next((headers[name] for name in _REQUEST_IDS if name in headers), "")

    def end(self) -> None:
        """The call has ended. A connection kept alive holds the context it was opened in, and that this object: it
        must not hold request and answer too.
        """
        self.sent = self.response = self.error = None
        self.tail.clear()
        self.over = True

    async def close(self) -> None:
        """Let go of a streamed answer, read to its end or not: its connection is free or closed after this."""
        if self.response is not None and not self.response.is_closed:
            await self.response.aclose()

    def _told(self) -> str:
        text = b"".join(self.tail).decode(errors="replace")
        # The first piece kept may begin in the middle of an event.
        return text if len(self.tail) < _TAIL else text.partition("\n")[2]


class SecondRequest(Exception):
    """A library tried to repeat the request of a call."""


_current: Final[ContextVar[Exchange | None]] = ContextVar("exchange", default=None)


def begin_exchange(gate: Gate | None = None) -> Exchange:
    """Note from here on, in this task and those it starts, what is exchanged."""
    exchange = Exchange(gate=gate)
    _current.set(exchange)
    return exchange


def end_exchange() -> None:
    """Note nothing any more, and let go of the answer."""
    _current.set(None)


def watch_exchanges() -> None:
    """Put the note-taking into httpx, once per process."""
    if getattr(httpx.AsyncClient.send, "__name__", "") != _watched.__name__:
        httpx.AsyncClient.send = _watched  # type: ignore[method-assign, assignment]


_send: Final = httpx.AsyncClient.send


async def _watched(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
    exchange = _current.get()
    if exchange is None:
        return await _send(client, request, **options)
    # Another address is not a repetition: some providers want a token fetched first.
    if exchange.over or (exchange.sent is not None and exchange.sent.url == request.url):
        raise SecondRequest("one attempt is one request: a repetition was refused")
    if exchange.gate is not None and not exchange.gate.open:
        # A process that was stopped in the milliseconds since the call began goes on here; it may be a zombie by now,
        # which is cancelled while it waits.
        await exchange.gate.wait()
    exchange.sent, exchange.response, exchange.error = request, None, None
    try:
        exchange.response = await _send(client, request, **options)
    except BaseException as error:
        exchange.error = error
        raise
    if options.get("stream"):
        _overhear(exchange.response, exchange)
    return exchange.response


def _overhear(response: httpx.Response, exchange: Exchange) -> None:
    """Note what is read of a streamed body, and how it broke: litellm keeps neither."""
    read = response.aiter_bytes

    async def overheard(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        try:
            async with aclosing(read(chunk_size)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    exchange.tail.append(piece)
                    yield piece
        except GeneratorExit:
            raise
        except BaseException as error:
            exchange.error = error
            raise

    response.aiter_bytes = overheard  # type: ignore[method-assign]
