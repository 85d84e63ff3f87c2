"""A tool's result, or its failure, as the text that goes back to the model."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json

from shared.secret import redact

MAX_BYTES: Final = 256 * 1024
"""The longest result, as UTF-8. It is stored, and sent to the provider with every later step."""

_LONGEST_ERROR: Final = 2000


def as_text(value: Any) -> str:
    """`value` for the model: a str as it is, everything else as JSON, what has none as a clear error."""
    if isinstance(value, str):
        return cut(value)
    if inspect.isawaitable(value) or isinstance(value, Iterator):
        return f"error: the tool returned {type(value).__name__}, which is not a value: this is a fault of the tool"
    try:
        return cut(to_json(value).decode())
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        return f"error: the tool's result is no JSON ({_words(error)}): this is a fault of the tool"


def as_error(error: BaseException) -> str:
    """What a tool raised, for the model."""
    if isinstance(error, SystemExit):
        return f"error: the tool called exit ({_words(error)}): this is a fault of the tool"
    return redact(f"error: {type(error).__name__}: {_words(error)}")


def cut(text: str) -> str:
    """`text` in UTF-8 and at most `MAX_BYTES` long; words at the end say so when something is missing."""
    encoded = text.encode("utf-8", "replace")  # lone surrogates would break the request to the provider
    if len(encoded) <= MAX_BYTES:
        return encoded.decode()
    words = f"\n[cut: the result is {len(encoded)} bytes long, this is its beginning]"
    return encoded[: MAX_BYTES - len(words)].decode("utf-8", "ignore") + words


def _words(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST_ERROR]
    except Exception:  # an exception of a user's own, whose __str__ is broken
        return "(it cannot be described)"
