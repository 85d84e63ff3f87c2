"""What one call really exchanged over HTTP, seen where httpx sends it: litellm loses bodies, headers and statuses.

Every way litellm reaches a provider ends in `httpx.AsyncClient.send`. There a call's request, answer and network
error are noted for whoever made the call, and a second request of the same call is refused before it leaves: litellm
and the SDKs below it repeat on their own in places that no option turns off, and the first may have been paid for.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import httpx


@dataclass(slots=True)
class Exchange:
    """One call's way over HTTP: `sent` is the request (None = none was made), then an answer or an error."""

    sent: httpx.Request | None = None
    response: httpx.Response | None = None
    error: BaseException | None = None

    def answer(self) -> tuple[int, dict[str, str], str] | None:
        """Status, headers and body; None when no answer came, or it broke off in the middle of the body."""
        if self.response is None:
            return None
        try:
            body = self.response.text
        except httpx.ResponseNotRead:
            return None
        return self.response.status_code, dict(self.response.headers), body


class SecondRequest(Exception):
    """A library tried to repeat the request of a call."""


_current: Final[ContextVar[Exchange | None]] = ContextVar("exchange", default=None)


def begin_exchange() -> Exchange:
    """Note from here on, in this task and those it starts, what is exchanged."""
    exchange = Exchange()
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
    if exchange.sent is not None and exchange.sent.url == request.url:
        raise SecondRequest("one attempt is one request: a repetition was refused")
    exchange.sent, exchange.response, exchange.error = request, None, None
    try:
        exchange.response = await _send(client, request, **options)
    except BaseException as error:
        exchange.error = error
        raise
    return exchange.response
