"""What really happened when a call failed: litellm's exception class and status are wrong in half of the cases.

First what went over the wire counts (`workers.llm.exchange`). Where that is silent, because a provider is reached in
another way than httpx, the answer is the first `httpx.Response` with a body in the chain of causes (`e.response` is
mostly an empty stub, `e.status_code` lies).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from shared.classification import Failure
from shared.classification.failure import Kind
from workers.llm.exchange import Exchange, SecondRequest

_DEPTH: Final = 8
_TIMEOUTS: Final = ("timeout", "timedout")
_NETWORK: Final = ("connect", "network", "readerror", "writeerror", "remoteprotocol", "clientoserror", "payloaderror")
_WRAPPERS: Final = ("litellm.", "openai.")
"""Their classes say "connection error" or "timeout" of whatever went wrong: only what they wrap counts."""

Answer = tuple[int, Mapping[str, str], str]


def capture(error: BaseException, exchange: Exchange, *, provider: str, model: str, streamed: bool) -> Failure:
    """The failure to classify. `provider` and `model` are litellm's names."""
    error = getattr(error, "original_exception", None) or error  # MidStreamFallbackError wraps the real one
    chain = [one for one in _causes(error) if not isinstance(one, SecondRequest)] or [error]
    answer = exchange.answer() or (None if exchange.sent is not None else _answer(chain))
    if answer is not None:
        status, headers, body = answer
        return Failure(provider, model, "http", status, headers, body, "", streamed)
    root = exchange.error if isinstance(exchange.error, Exception) else chain[-1]
    words = f"{type(root).__name__}: {root}"[:2000]
    return Failure(provider, model, _kind(chain, exchange), None, {}, "", words, streamed)


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(_DEPTH):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def _answer(chain: list[BaseException]) -> Answer | None:
    empty: Answer | None = None
    for error in chain:
        response: Any = getattr(error, "response", None)
        if not isinstance(response, httpx.Response):
            continue
        text = _text(response)
        headers = getattr(error, "litellm_response_headers", None) or response.headers
        if text:
            return response.status_code, dict(headers), text
        if empty is None and not _is_stub(response):
            empty = (response.status_code, dict(headers), "")
    return empty


def _is_stub(response: httpx.Response) -> bool:
    """litellm invents responses to please the openai classes; those never carry a server's headers."""
    return not response.headers or set(response.headers) <= {"content-length", "content-type"}


def _text(response: httpx.Response) -> str:
    try:
        return response.text
    except httpx.ResponseNotRead:
        return ""


def _kind(chain: list[BaseException], exchange: Exchange) -> Kind:
    """What happened instead of an answer. Without a request, only an error of the network itself is one."""
    if exchange.error is not None:
        chain = [*chain, exchange.error]
    real = [one for one in chain if not type(one).__module__.startswith(_WRAPPERS)]
    names = " ".join(type(one).__name__ for one in real).lower()
    if any(isinstance(one, TimeoutError) for one in real) or any(word in names for word in _TIMEOUTS):
        return "timeout"
    if any(isinstance(one, OSError) for one in real) or any(word in names for word in _NETWORK):
        return "network"
    return "network" if exchange.sent is not None and exchange.response is None else "local"
