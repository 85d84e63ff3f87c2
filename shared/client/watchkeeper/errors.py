"""What can go wrong for a caller.

::

    WatchkeeperError
    ├── InvalidJob            the call is wrong; nothing was stored (ValueError too)
    │   └── UnknownAgent      no agent of that name
    ├── JobNotFound           no job of that id
    ├── JobTimeout            `wait` ran out of time; the job itself goes on
    └── StoreUnavailable      SQL or Redis did not answer; says which, and what to do
        └── StoreNotReady     SQL answers, but holds no Watchkeeper tables of this version
"""


class WatchkeeperError(Exception):
    """Base of every error this package raises on purpose."""


class InvalidJob(WatchkeeperError, ValueError):
    """The call is wrong: the text names the field and the mend. Nothing was stored."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class UnknownAgent(InvalidJob):
    """No agent of that name is configured."""

    def __init__(self, name: str) -> None:
        super().__init__("agent", f"there is no agent {name!r}: `watchkeeper agents ls` shows those there are")


class JobNotFound(WatchkeeperError, LookupError):
    """No job of that id."""


class JobTimeout(WatchkeeperError, TimeoutError):
    """The job did not end in the time given to `wait`. It goes on; ask again with its id."""


class StoreUnavailable(WatchkeeperError, ConnectionError):
    """A store did not answer. Nothing was accepted unless the text says so."""


class StoreNotReady(StoreUnavailable):
    """The database answers but its tables are missing or of another version."""
