"""What every wire format offers, and the few pieces all of them are built from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sandbox.conversation import Ask, Reply, Tool
from sandbox.schema import JsonObject

_PIECES = 10
_WORDS_PER_TOOL: Final = 40


class MalformedRequest(ValueError):
    """The body lacks what no answer can be made without. The text says what."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one answer unlike the next: 22 characters for its ids, and its time in seconds."""

    serial: str
    created: int


class Wire(Protocol):
    """One provider's way to write requests and answers."""

    @property
    def name(self) -> str: ...

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        """The API key of a request, "" when it has none."""

    def ask(self, body: JsonObject, *, model: str, stream: bool) -> Ask:
        """The request in neutral form. Raises MalformedRequest."""

    def plain(self, ask: Ask, reply: Reply, stamp: Stamp) -> JsonObject:
        """The whole answer as one JSON object."""

    def frames(self, ask: Ask, reply: Reply, stamp: Stamp) -> list[bytes]:
        """The same answer as server-sent events."""


def compact(value: object) -> str:
    """JSON as providers send it: no spaces, characters as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pieces(text: str) -> list[str]:
    """`text` in about ten parts, as a stream brings it."""
    size = max(1, -(-len(text) // _PIECES))
    return [text[i : i + size] for i in range(0, len(text), size)]


def text_pieces(reply: Reply) -> Sequence[str]:
    """The text of `reply` as a stream brings it."""
    return reply.tokens or pieces(reply.text)


def objects(value: object) -> Iterator[JsonObject]:
    """The JSON objects in a list; whatever else stands there is passed over."""
    if isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def text_of(content: object) -> str:
    """The text of a message: the string itself, or the text parts of a list."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in objects(content) if "text" in part)


def tool_of(function: JsonObject, schema_field: str) -> Tool:
    """A tool from its declaration, whose JSON schema stands under `schema_field`."""
    schema = function.get(schema_field)
    return Tool(str(function.get("name", "")), schema if isinstance(schema, Mapping) else {})


def tool_words(tools: list[Tool]) -> int:
    """How much offering `tools` adds to the length of a prompt, in words."""
    return _WORDS_PER_TOOL * len(tools)


def messages_in(body: JsonObject, field: str) -> list[JsonObject]:
    """The messages of `body`.

    Raises:
        MalformedRequest: there are none.
    """
    messages = list(objects(body.get(field)))
    if not messages:
        raise MalformedRequest(f"{field}: at least one message is required")
    return messages
