"""The OpenAI SDK's streams, read from the wire: its objects for each piece cost three times what the rest of it does.

Only where litellm hands the SDK's own pieces on; other wire formats need litellm's translation.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx


class ErrorInStream(Exception):
    """The provider ended a stream with an error; its words are among the last pieces of the exchange."""


def from_openai_sdk(source: Any) -> bool:
    """True when litellm's stream is the SDK's."""
    return type(source).__module__.partition(".")[0] == "openai"


async def read_events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON of each event, to the end of the body, so that the connection can be used again.

    Raises:
        ErrorInStream: an event that says so.
        ValueError: an event that is no JSON.
    """
    rest = b""
    async for piece in response.aiter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            event = _event(line)
            if event is not None:
                yield event
    event = _event(rest)
    if event is not None:
        yield event


def _event(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"data:"):
        return None
    data = line[5:].strip()
    if not data or data == b"[DONE]":
        return None
    event = json.loads(data)
    if not isinstance(event, dict) or event.get("error"):
        raise ErrorInStream
    return event
