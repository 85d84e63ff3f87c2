"""What can go wrong for a caller.

::

    WatchkeeperError
    ├── InvalidJob            the call is wrong; nothing was stored (ValueError too)
    │   └── UnknownAgent      no agent of that name
    ├── JobNotFound           no job of that id
    ├── JobTimeout            `wait` ran out of time; the job itself goes on
    ├── JobFailed             the job ended without an answer; only `Job.raise_for_state` raises it
    └── StoreUnavailable      SQL or Redis did not answer; says which, and what to do
        └── StoreNotReady     SQL answers, but holds no Watchkeeper tables of this version
"""

from collections.abc import Sequence


class WatchkeeperError(Exception):
    """Base of every error this package raises on purpose."""


class InvalidJob(WatchkeeperError, ValueError):
    """The call is wrong: the text names the field and the mend. Nothing was stored."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class UnknownAgent(InvalidJob):
    """No agent of that name is configured."""

    def __init__(self, name: str, similar: Sequence[str] = ()) -> None:
        guess = f" (did you mean {' or '.join(map(repr, similar))}?)" if similar else ""
        super().__init__("agent", f"there is no agent {name!r}{guess}: `watchkeeper agents ls` shows those there are")


class JobNotFound(WatchkeeperError, LookupError):
    """No job of that id."""


class JobTimeout(WatchkeeperError, TimeoutError):
    """The job did not end in the time given to `wait`. It goes on; ask again with its id."""


class JobFailed(WatchkeeperError):
    """The job ended as failed, cancelled or dead. `cause` is the short reason, None when there is none."""

    def __init__(self, job_id: str, state: str, cause: str | None, message: str | None) -> None:
        reason = ": ".join(part for part in (cause, message) if part)
        super().__init__(f"job {job_id} ended as {state}" + (f": {reason}" if reason else ""))
        self.job_id = job_id
        self.cause = cause


class StoreUnavailable(WatchkeeperError, ConnectionError):
    """A store did not answer. Nothing was accepted unless the text says so."""


class StoreNotReady(StoreUnavailable):
    """The database answers but its tables are missing or of another version."""
