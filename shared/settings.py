"""The service's settings: `WATCHKEEPER_*`, `DATABASE_URL`, `REDIS_URL`; see docs/settings.md."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.environment import read_environment
from shared.errors import ConfigurationError
from shared.supervision.limits import Limits
from watchkeeper.locations import Locations, locate

HEARTBEAT_SECONDS: Final = 2.0
"""How often a worker writes its heartbeat."""

LEASE_SECONDS: Final = 10.0
"""A worker starts nothing when its last stored heartbeat is older than this, on its own monotonic clock."""

DEAD_AFTER_SECONDS: Final = 15.0
"""A worker is given up after the rescuer watched its heartbeat stand still this long. Above LEASE_SECONDS."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process needs to know before it can read the database."""

    environ: Mapping[str, str]
    locations: Locations
    worker_threads: int
    worker_processes: int
    drain_seconds: float
    log_format: str
    log_level: str
    lean_litellm: bool
    tools: tuple[str, ...]
    mcp_servers: Path | None
    stream_seconds: int
    recycling: Limits


def load_settings(environ: Mapping[str, str] | None = None, *, directory: Path | None = None) -> Settings:
    """Settings from `environ` (default: the process environment over `.env` in `directory`).

    Raises:
        ConfigurationError: a value is out of range; names variable and range.
    """
    environ = read_environment(directory) if environ is None else environ
    return Settings(
        environ=environ,
        locations=locate(environ),
        worker_threads=int(_number(environ, "WATCHKEEPER_WORKER_THREADS", 200, 1, 2000)),
        worker_processes=int(_number(environ, "WATCHKEEPER_WORKER_PROCESSES", usual_processes(), 0, 64)),
        drain_seconds=_number(environ, "WATCHKEEPER_DRAIN_SECONDS", 25, 0, 3600),
        log_format=_choice(environ, "WATCHKEEPER_LOG_FORMAT", "auto", ("auto", "json", "console")),
        log_level=_choice(environ, "WATCHKEEPER_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        lean_litellm=_choice(environ, "WATCHKEEPER_LEAN_LITELLM", "on", ("on", "off")) == "on",
        tools=tuple(name for text in environ.get("WATCHKEEPER_TOOLS", "").split(",") if (name := text.strip())),
        mcp_servers=Path(text) if (text := environ.get("WATCHKEEPER_MCP_SERVERS", "").strip()) else None,
        stream_seconds=int(_number(environ, "WATCHKEEPER_STREAM_SECONDS", 3600, 60, 604800)),
        recycling=_limits(environ),
    )


def _limits(environ: Mapping[str, str]) -> Limits:
    def number(name: str, default: float, high: float, low: float = 0) -> float:
        return _number(environ, f"WATCHKEEPER_RECYCLE_{name}", default, low, high)

    return Limits(
        jobs=int(number("JOBS", 10_000, 1e9)),
        age_seconds=number("AGE_SECONDS", 12 * 3600, 365 * 86400),
        rss_mb=int(number("RSS_MB", 600, 1e6)),
        connections=int(number("CONNECTIONS", 500, 1e6)),
        loop_lag_ms=int(number("LOOP_LAG_MS", 2000, 1e6)),
        at_once=int(number("AT_ONCE", 1, 64, low=1)),
    )


def usual_processes() -> int:
    """One worker process per core this process may use, and no more than eight."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(max(cores, 1), 8)


def _number(environ: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = environ.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ConfigurationError(f"{name}={text!r} is not a number from {low:g} to {high:g}")
    return value


def _choice(environ: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    text = environ.get(name, "").strip().lower() or default
    if text not in choices:
        raise ConfigurationError(f"{name}={text!r} is not one of: {', '.join(choices)}")
    return text
