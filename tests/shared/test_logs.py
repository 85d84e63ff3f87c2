"""Logs are events on stderr, one JSON object a line, and no credential passes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz-XwAA"


def lines(program: str, format: str = "json", level: str = "info") -> list[dict[str, Any]]:
    """What a process writes that runs `program` with logging set up; nothing may be on its stdout."""
    begin = "import logging, structlog; from shared.logs import configure_logging; from shared.secret import Secret;"
    begin += f"configure_logging(room='worker', format={format!r}, level={level!r}); log = structlog.get_logger()\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", begin + program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == ""
    assert KEY not in done.stderr
    if format != "json":
        return [{"text": done.stderr}]
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_an_event_carries_room_level_time_and_fields() -> None:
    (event,) = lines("log.info('job.ended', job='1', ms=5)")
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "job.ended", "job": "1", "ms": 5, "level": "info", "room": "worker"}


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_line_begins_with_time_and_event_and_ends_with_what_to_do(format: str) -> None:
    program = "log.error('worker.died', advice='A', why='W', slot=1)"
    if format == "json":
        (event,) = lines(program)
        assert list(event) == ["timestamp", "level", "room", "event", "slot", "why", "advice"]
    else:
        text = lines(program, format)[0]["text"]
        assert sorted(("worker.died", "slot", "why", "advice"), key=text.index) == [
            "worker.died",
            "slot",
            "why",
            "advice",
        ]


def test_credentials_are_redacted_in_every_kind_of_field() -> None:
    program = f"""
key = {KEY!r}
log.info('one ' + key, text='a ' + key, secret=Secret(key), error=ValueError(key), many=[key], map={{'k': key}})
try:
    raise ValueError('broke with ' + key)
except ValueError:
    log.exception('two')
logging.getLogger('library').warning('three %s', key)
"""
    one, two, three = lines(program)
    assert one["secret"] == "sk-ant-a...XwAA"
    assert "[redacted]" in one["many"]
    assert "[redacted]" in two["exception"]
    assert three["event"] == "three [redacted]"


def test_bound_fields_come_along() -> None:
    (event,) = lines("with structlog.contextvars.bound_contextvars(job='7'):\\n log.info('x')".replace("\\n", "\n"))
    assert event["job"] == "7"


@pytest.mark.parametrize(("level", "kept"), [("debug", 3), ("info", 2), ("warning", 1)])
def test_less_severe_events_are_left_out(level: str, kept: int) -> None:
    assert len(lines("log.debug('a'); log.info('b'); log.warning('c')", level=level)) == kept


def test_libraries_speak_only_when_something_is_wrong() -> None:
    (event,) = lines("logging.getLogger('x').info('a'); logging.getLogger('x').warning('b')", level="debug")
    assert (event["event"], event["level"]) == ("b", "warning")


def test_a_terminal_gets_plain_words() -> None:
    (told,) = lines(f"log.info('job.ended', key={KEY!r})", format="console")
    assert "job.ended" in told["text"]


def test_lines_that_cannot_be_written_stop_nobody_and_are_counted_once_there_is_room(tmp_path: Path) -> None:
    program = """
import os, resource, structlog
from shared.logs import configure_logging
configure_logging(room="worker", format="json", level="info")
log = structlog.get_logger()
log.info("before")
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.fstat(2).st_size + 10, most))
log.info("lost")
log.info("lost too")
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
log.info("after")
"""
    with (tmp_path / "log").open("wb") as file:
        subprocess.run([sys.executable, "-P", "-c", program], stderr=file, check=True, timeout=30)
    before, torn, *after = (tmp_path / "log").read_text().splitlines()
    assert torn == '{"timestam'
    events = [json.loads(line) for line in (before, *after)]
    assert [event["event"] for event in events] == ["before", "log.lines_lost", "after"]
    assert events[1]["lines"] == 2
    with open("/dev/full", "wb") as full:
        subprocess.run([sys.executable, "-P", "-c", program], stderr=full, check=True, timeout=30)
