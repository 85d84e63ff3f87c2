"""What a backend installs: put agent jobs in, get their results out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watchkeeper.async_client import AsyncClient
    from watchkeeper.client import Client
    from watchkeeper.errors import (
        InvalidJob,
        JobFailed,
        JobNotFound,
        JobTimeout,
        StoreNotReady,
        StoreUnavailable,
        UnknownAgent,
        WatchkeeperError,
    )
    from watchkeeper.events import Event, EventKind
    from watchkeeper.job import Job
    from watchkeeper.states import JobState, Priority
    from watchkeeper.story_text import StoryText
    from watchkeeper.tools import ToolContext, tool

    __version__: str

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "EventKind",
    "InvalidJob",
    "Job",
    "JobFailed",
    "JobNotFound",
    "JobState",
    "JobTimeout",
    "Priority",
    "StoreNotReady",
    "StoreUnavailable",
    "StoryText",
    "ToolContext",
    "UnknownAgent",
    "WatchkeeperError",
    "__version__",
    "tool",
]

_HOMES = {
    "AsyncClient": "watchkeeper.async_client",
    "Client": "watchkeeper.client",
    "Event": "watchkeeper.events",
    "EventKind": "watchkeeper.events",
    "Job": "watchkeeper.job",
    "JobState": "watchkeeper.states",
    "Priority": "watchkeeper.states",
    "StoryText": "watchkeeper.story_text",
    "ToolContext": "watchkeeper.tools",
    "tool": "watchkeeper.tools",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: a command line that only asks where the stores are must not pay for SQLAlchemy.
    if name == "__version__":
        value = _version()
    elif name in __all__:
        value = getattr(import_module(_HOMES.get(name, "watchkeeper.errors")), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("watchkeeper-client")
    except PackageNotFoundError:  # running from a source tree that was never installed
        return "0+unknown"
