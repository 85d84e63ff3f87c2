"""What really happened when a call failed: litellm's exception class and status are wrong in half of the cases.

The provider's answer is the first `httpx.Response` with a body in the chain of causes (FACTS: `e.response` is
mostly an empty stub, `e.status_code` lies).
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from shared.classification import Failure
from shared.classification.failure import Kind

_DEPTH: Final = 6
_TIMEOUTS: Final = ("timeout", "timedout")
_NETWORK: Final = ("connect", "network", "readerror", "writeerror", "remoteprotocol", "clientoserror", "disconnected")


def capture(error: BaseException, *, provider: str, model: str, streamed: bool) -> Failure:
    """The failure to classify. `provider` and `model` are litellm's names."""
    error = getattr(error, "original_exception", None) or error  # MidStreamFallbackError wraps the real one
    chain = list(_causes(error))
    answer = _answer(chain)
    if answer is not None:
        status, headers, body = answer
        return Failure(provider, model, "http", status, headers, body, "", streamed)
    words = f"{type(chain[-1]).__name__}: {chain[-1]}"[:2000]
    return Failure(provider, model, _kind(chain), None, {}, "", words, streamed)


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(_DEPTH):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def _answer(chain: list[BaseException]) -> tuple[int, Mapping[str, str], str] | None:
    empty: tuple[int, Mapping[str, str], str] | None = None
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
    if empty is not None:
        return empty
    status = getattr(chain[0], "status_code", None)
    headers = getattr(chain[0], "litellm_response_headers", None)
    if isinstance(status, int) and headers:  # an answer came, its body did not survive the translation
        return status, dict(headers), str(getattr(chain[0], "message", ""))
    return None


def _is_stub(response: httpx.Response) -> bool:
    """litellm invents responses to please the openai classes; those never carry a server's headers."""
    return not response.headers or set(response.headers) <= {"content-length", "content-type"}


def _text(response: httpx.Response) -> str:
    try:
        return response.text
    except httpx.ResponseNotRead:
        return ""


def _kind(chain: list[BaseException]) -> Kind:
    names = " ".join(type(error).__name__ for error in chain).lower()
    if any(isinstance(error, TimeoutError | asyncio.TimeoutError) for error in chain) or any(
        word in names for word in _TIMEOUTS
    ):
        return "timeout"
    if any(isinstance(error, OSError) for error in chain) or any(word in names for word in _NETWORK):
        return "network"
    return "local"
