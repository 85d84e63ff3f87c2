"""Logs are named events with fields: `log.info("job.completed", job=..., ms=...)`. Every text is redacted."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO, cast

import structlog

from shared.log_stream import LogStream
from shared.secret import Secret, redact

_FIRST: Final = ("timestamp", "level", "room", "event")
_LAST: Final = ("why", "error", "advice", "exception")


def configure_logging(*, room: str, format: str, level: str) -> dict[str, Any]:
    """Set up structlog and the standard library's logging of this process, on stderr.

    Args:
        room: which process speaks, e.g. "worker"; a field of every event.
        format: "json", "console", or "auto" (console on a terminal).
        level: the least severe level that is written.

    Returns:
        The fields of every event; a process forked from this one puts its own there.
    """
    if format == "auto":
        format = "console" if sys.stderr.isatty() else "json"
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(sort_keys=False)
        if format == "console"
        else structlog.processors.JSONRenderer(default=str)
    )

    fields: dict[str, Any] = {"room": room}
    out = cast("TextIO", LogStream(sys.stderr))

    def add_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.update(fields)
        return event

    chain: list[structlog.typing.Processor] = [
        add_fields,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact_fields,
        in_reading_order,
    ]
    structlog.configure(
        processors=[*chain, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # One write for a line and its end: workers that share a log file would mix theirs.
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=chain, processors=[_drop_meta, renderer])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries speak up only when something is wrong; our own events tell the rest.
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))
    return fields


def redact_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: no value that looks like a credential passes."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redact(value)
        elif isinstance(value, Secret):
            event[name] = str(value)
        elif isinstance(value, BaseException | dict | list | tuple):
            event[name] = redact(str(value))
    return event


def in_reading_order(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: when, how bad and what come first, what to do comes last."""
    first = {name: event.pop(name) for name in _FIRST if name in event}
    last = {name: event.pop(name) for name in _LAST if name in event}
    return {**first, **event, **last}


def _drop_meta(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event
