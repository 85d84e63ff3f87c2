"""Strict JSON: what is stored reads back equal, or the caller hears which value cannot be stored."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from watchkeeper.errors import InvalidJob

_MAX_DEPTH = 64  # far beyond any message; also ends a value that contains itself


def encode(value: Any, path: str, max_bytes: int) -> str:
    """`value` as compact JSON of at most `max_bytes` in UTF-8.

    Raises:
        InvalidJob: a part of it is no JSON, named by its path below `path`; or the whole is too long.
    """
    for where, problem in _problems(value, path, 0):
        raise InvalidJob(where, problem)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    size = len(text.encode("utf-8"))
    if size > max_bytes:
        raise InvalidJob(path, f"{size} bytes as JSON, at most {max_bytes} are stored: shorten it or store a link")
    return text


def lone_surrogate(text: str) -> int | None:
    """Where `text` stops being Unicode (a half of a surrogate pair), None if nowhere."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return error.start
    return None


def _problems(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        yield path, f"nested more than {_MAX_DEPTH} levels deep, or contains itself"
    elif isinstance(value, str):
        if (position := lone_surrogate(value)) is not None:
            yield path, f"character {position} is half of a surrogate pair: decode the text with errors='replace'"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, f"{value} is no JSON number: use null or a string"
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield path, f"key {key!r} is {_type(key)}: JSON keys are strings"
            else:
                yield from _problems(key, f"key of {path}", depth + 1)
                yield from _problems(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _problems(item, f"{path}[{index}]", depth + 1)
    elif value is not None and not isinstance(value, bool | int):
        yield path, f"{_type(value)} is no JSON: {_mend(value)}"


def _type(value: object) -> str:
    return f"a {type(value).__name__}"


def _mend(value: object) -> str:
    if hasattr(value, "isoformat"):
        return "use .isoformat()"
    if isinstance(value, Mapping):
        return "use dict(...)"
    return "use a string, number, boolean, null, list or dict"
