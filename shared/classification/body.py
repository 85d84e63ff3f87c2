"""What a body says, whatever its shape: object, array, bare string, flat object, HTML, SSE frames, nothing.

Only the fields in which a provider speaks itself are read. Fields that carry the request back
(`failed_generation`, `flagged_input`, `input`, `loc`) are never looked at.
"""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.classification.google import Details, read_details

MOST_CHARACTERS = 65_536
_MOST_FRAMES = 200
_DEEPEST = 5
_BLOCKED = ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII")
_SAYING = ("error", "message", "Message", "detail", "msg", "error_message", "errorMessage", "error_msg", "title")
_NAMING = ("code", "type", "status", "reason", "__type", "error_type", "error_code", "errorCode", "Code")
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{0,300})|<h1[^>]{0,100}>([^<]{0,300})", re.IGNORECASE)
_FRAME_STARTS = ("data:", "event:", "id:", "retry:", ":")


class Shape(StrEnum):
    """What kind of text the body is."""

    EMPTY = "empty"  # nothing, or only blanks: a keep-alive that never became an answer
    JSON = "json"
    HTML = "html"
    STREAM = "stream"  # SSE frames
    TEXT = "text"
    BROKEN = "broken"  # starts as JSON and does not end as such


@dataclass(slots=True)
class Body:
    """What was found. `messages` are the provider's sentences, the one nearest the error first."""

    shape: Shape
    messages: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    details: Details = field(default_factory=Details)
    metadata: dict[str, Any] = field(default_factory=dict)
    retry_after: float | None = None


def read_body(text: str, *, depth: int = 0) -> Body:
    """The parts of `text` that rules use. Never raises."""
    text = text[:MOST_CHARACTERS].strip().removeprefix("\ufeff")
    if not text:
        return Body(Shape.EMPTY)
    if text[0] in '{["':
        try:
            value = json.loads(text)
        except (
            ValueError,
            RecursionError,
        ):  # cut off, or hostile: its raw text may be the user's, so it stays unread
            return Body(Shape.BROKEN)
        body = Body(Shape.JSON)
        _collect(value, body, depth)
        return body
    if text.startswith(_FRAME_STARTS):
        return _read_frames(text)
    if text[0] == "<":
        return Body(Shape.HTML, messages=["".join(pair) for pair in _TITLE.findall(text[:8_192])[:3]])
    return Body(Shape.TEXT, messages=[text[:2_000]])


def _read_frames(text: str) -> Body:
    """The error event among SSE frames. Frames of the reply itself are passed over: they hold model output."""
    body = Body(Shape.STREAM)
    for line in text.split("\n")[:_MOST_FRAMES]:
        if not line.startswith("data:") or '"error"' not in line:
            continue
        try:
            frame = json.loads(line[5:])
        except (ValueError, RecursionError):
            continue
        if isinstance(frame, dict) and (
            frame.get("error") or frame.get("type") == "error" or _first(frame, "choices", "error")
        ):
            _collect(frame, body, 0)
    return body


def _collect(value: Any, body: Body, depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        _say(value, body, depth)
    elif isinstance(value, list):
        for item in value[:5]:
            # Validation lists repeat the request beside each message: only their objects' own words count.
            if isinstance(item, dict):
                _collect(item, body, depth + 1)
    elif isinstance(value, dict):
        _collect_object(value, body, depth)


def _collect_object(value: dict[str, Any], body: Body, depth: int) -> None:
    for name in _SAYING:
        if (said := value.get(name)) and isinstance(said, str | dict | list):
            _collect(said, body, depth + 1)
    for name in _NAMING:
        _name(value.get(name), body)
    for name in ("errors", "response", "innererror"):
        if isinstance(inner := value.get(name), list | dict):
            _collect(inner, body, depth + 1)
    if error := _first(value, "choices", "error"):
        _collect(error, body, depth + 1)
    stopped = (_first(value, "choices", "finish_reason"), _first(value, "candidates", "finishReason"))
    if stopped[0] == "content_filter" or stopped[1] in _BLOCKED:
        body.codes.append("prompt_blocked")
    if isinstance(details := value.get("details"), list):
        body.details = read_details(details)
        for reason in body.details.reasons:
            _name(reason, body)
    if isinstance(metadata := value.get("metadata"), dict):
        body.metadata |= metadata
    if isinstance(feedback := value.get("promptFeedback"), dict) and feedback.get("blockReason"):
        body.codes.append("prompt_blocked")
    wait = value.get("retry_after")
    if isinstance(wait, int | float):
        body.retry_after = float(wait) if abs(wait) < 1e9 else None


def _first(value: dict[str, Any], listing: str, name: str) -> Any:
    """The field `name` of the first entry of a list, None where there is no such thing."""
    entries = value.get(listing)
    first = entries[0] if isinstance(entries, list) and entries else None
    return first.get(name) if isinstance(first, dict) else None


def _say(text: str, body: Body, depth: int) -> None:
    text = text.strip()
    if text[:1] in ("{", "[") and (inner := read_body(text, depth=depth + 1)).shape is Shape.JSON:
        body.messages += inner.messages
        body.codes += inner.codes
        body.numbers += inner.numbers
        if inner.details.quotas or inner.details.reasons or inner.details.retry_delay:
            body.details = inner.details
    elif text and text not in body.messages:
        body.messages.append(text[:4_000])


def _name(value: Any, body: Body) -> None:
    if isinstance(value, str) and value:
        if len(value) <= 4 and value.isascii() and value.isdigit():
            body.numbers.append(int(value))
        # AWS puts a namespace before and a URL behind the class: com.amazon#Name:http://...
        body.codes.append(value[:120].rsplit("#", 1)[-1].split(":", 1)[0].strip().lower())
    elif isinstance(value, int) and not isinstance(value, bool):
        body.numbers.append(value)
