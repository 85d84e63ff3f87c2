"""What a conversation handed to an agent must look like."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from watchkeeper.contract import MAX_MESSAGES_BYTES
from watchkeeper.errors import InvalidJob
from watchkeeper.json_text import encode

Messages: TypeAlias = str | Sequence[Mapping[str, Any]]

_ROLES = ("system", "user", "assistant", "tool")


def encode_messages(messages: Messages) -> str:
    """The messages as JSON; a string is one user message.

    Raises:
        InvalidJob: names the message by its index, and the key.
    """
    if isinstance(messages, str):
        _check_text(messages, "messages")
        return encode([{"role": "user", "content": messages}], "messages", MAX_MESSAGES_BYTES)
    if isinstance(messages, Mapping) or not isinstance(messages, Sequence):
        raise InvalidJob("messages", f"is a {type(messages).__name__}: give a string or a list of messages")
    if not messages:
        raise InvalidJob("messages", "is empty: give at least one message")
    checked = [_checked(message, f"messages[{index}]") for index, message in enumerate(messages)]
    return encode(checked, "messages", MAX_MESSAGES_BYTES)


def _checked(message: Any, path: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise InvalidJob(path, f'is a {type(message).__name__}: give {{"role": ..., "content": ...}}')
    role = message.get("role")
    if role not in _ROLES:
        raise InvalidJob(f"{path}.role", f"{_shown(message, 'role')}: give one of {', '.join(_ROLES)}")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise InvalidJob(f"{path}.tool_call_id", f"{_shown(message, 'tool_call_id')}: name the call it answers")
    content = message.get("content")
    if isinstance(content, str):
        if role in ("system", "user"):
            _check_text(content, f"{path}.content")
    elif isinstance(content, list | tuple):
        _check_parts(content, f"{path}.content")
    elif not (content is None and role == "assistant" and message.get("tool_calls")):
        raise InvalidJob(f"{path}.content", f"{_shown(message, 'content')}: give a string or a list of parts")
    return dict(message)


def _check_parts(parts: Sequence[Any], path: str) -> None:
    if not parts:
        raise InvalidJob(path, "is an empty list: give at least one part")
    for index, part in enumerate(parts):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise InvalidJob(f"{path}[{index}]", 'is no part: give {"type": "text", "text": ...} or the like')


def _check_text(text: str, path: str) -> None:
    if not text.strip():
        raise InvalidJob(path, "is empty: providers refuse a message without text")


def _shown(message: Mapping[str, Any], key: str) -> str:
    return f"is {message[key]!r:.60}" if key in message else "is missing"
