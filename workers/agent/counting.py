"""How many tokens a conversation has, without any network: first a bound that costs nothing, then a real count.

A token is at least one byte, so JSON text never has more tokens than characters once it is all ASCII. Only a
conversation that might not fit by that bound is counted, with the encoding that litellm carries along (cl100k).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Encode = Callable[[str], Sequence[int]]

IMAGE_TOKENS: Final = 1600
"""What an image is counted as, whatever its size: about the most a provider takes for one it scales down."""

_OTHER_MEDIA: Final = 4  # characters of an encoded file or sound per token


@dataclass(slots=True)
class Counts:
    """The counted messages of one job, by place: a conversation only grows. `tools` is that of the tools offered."""

    messages: list[int] = field(default_factory=list)
    tools: int | None = None

    def add(self, encode: Encode, messages: Sequence[dict[str, Any]], tools: list[dict[str, Any]]) -> None:
        """Count what is not counted yet. About 100 ms for a million characters: not for the event loop."""
        if self.tools is None:
            self.tools = len(encode(json.dumps(tools, ensure_ascii=False))) if tools else 0
        for message in messages[len(self.messages) :]:
            self.messages.append(count(encode, message))


def bound(value: Any) -> int:
    """Tokens that a message, or a list of them, has at most."""
    return len(json.dumps(value)) + IMAGE_TOKENS * _images(value)


def count(encode: Encode, message: dict[str, Any]) -> int:
    """Tokens of one message as JSON; a little more than its text alone, as its frame counts, too."""
    content = message.get("content")
    if not isinstance(content, list):
        return len(encode(json.dumps(message, ensure_ascii=False)))
    texts = [part for part in content if part.get("type") == "text"]
    media = [part for part in content if part.get("type") != "text"]
    words = len(encode(json.dumps({**message, "content": texts}, ensure_ascii=False)))
    return words + sum(IMAGE_TOKENS if _is_image(part) else len(json.dumps(part)) // _OTHER_MEDIA for part in media)


def _images(value: Any) -> int:
    messages = value if isinstance(value, list) else [value]
    parts = (part for message in messages for part in _parts(message))
    return sum(1 for part in parts if _is_image(part))


def _parts(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _is_image(part: dict[str, Any]) -> bool:
    return "image" in str(part.get("type"))
