"""Values on the command line: spans and moments, JSON, numbers that may be "none", text that may be a file."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from console.spans import parse_span
from shared.errors import ConfigurationError

_LARGEST_FILE: Final = 1_000_000


class Span(click.ParamType[int]):
    """ "10m" in milliseconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_span(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType[datetime]):
    """ "10m" from now, or a point in time such as 2030-01-31T08:00+01:00 (without a zone: UTC)."""

    name = "span or time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.now(UTC) + timedelta(milliseconds=parse_span(value))
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a span (10m) nor a time (2030-01-31T08:00+01:00)", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Json(click.ParamType[Any]):
    """JSON text."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            self.fail(f"is no JSON: {error}", param, ctx)


class NumberOrNone(click.ParamType["float | int | None"]):
    """A number, or "none" to leave it to the provider."""

    name = "number"

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | int | None:
        if isinstance(value, str) and value.strip().lower() == "none":
            return None
        try:
            return int(value) if self._whole else float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a {'whole ' if self._whole else ''}number nor none", param, ctx)


class TextOrFile(click.ParamType[str]):
    """Text, or @path of a UTF-8 file."""

    name = "text or @file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.startswith("@"):
            return str(value)
        try:
            return Path(value[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value[1:]} cannot be read: {error}", param, ctx)


class JsonFileOrNone(click.ParamType[Any]):
    """JSON of a file ("-" is standard input), or "none"."""

    name = "file|-|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value is None or value.strip().lower() == "none":
            return None
        try:
            return json.loads(read_text_file(value))
        except (ValueError, RecursionError) as error:
            self.fail(f"{value} is no JSON: {error}", param, ctx)


def read_text_file(path: str) -> str:
    """A UTF-8 file of at most a million characters; "-" is standard input.

    Raises:
        ConfigurationError: it cannot be read, or is too large to be meant.
    """
    try:
        if path == "-":
            text = sys.stdin.read(_LARGEST_FILE + 1)
        else:
            with Path(path).open(encoding="utf-8") as file:
                text = file.read(_LARGEST_FILE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    if len(text) > _LARGEST_FILE:
        raise ConfigurationError(f"{path} is larger than {_LARGEST_FILE} characters: is it the right file?")
    return text


class Names(click.ParamType["list[str]"]):
    """Names separated by commas; empty text is no name."""

    name = "name,name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        if isinstance(value, list):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]
