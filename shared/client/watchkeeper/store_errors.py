"""Every error of the database becomes one of ours, with the place and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from watchkeeper.engine import describe
from watchkeeper.errors import StoreNotReady, StoreUnavailable

_UNDEFINED = ("42P01", "42703")  # PostgreSQL: undefined table, undefined column
_READ_ONLY = "25006"  # a standby, before it takes over
_SQLITE_UNDEFINED = ("no such table", "no such column", "has no column named")


@contextmanager
def translated(url: URL, *, callers: bool = False) -> Iterator[None]:
    """Run statements against `url`; what it raises tells people where and what to do.

    In a transaction of the caller (`callers`) only missing tables are translated: its other errors belong to
    code that may retry by their class.

    Raises:
        StoreNotReady: the tables are missing or older than this client.
        StoreUnavailable: the database cannot be reached, is overloaded or locked.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailable(
            f"{describe(url)}: all connections of this client are in use, and none came back in time"
        ) from error
    except DBAPIError as error:
        if _undefined(error):
            raise StoreNotReady(
                f"{describe(url)} holds no Watchkeeper tables of this version: run `watchkeeper migrate`"
                + (", or pass a connection to the database that holds them" if callers else "")
            ) from error
        # Invalidated: the server ended our session, perhaps because this process was stopped in mid-transaction.
        away = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        away = away or _state(error) == _READ_ONLY
        if not callers and away:
            raise StoreUnavailable(f"{describe(url)} did not answer: {_reason(error, url)}") from error
        raise


def answer_lost(error: StoreUnavailable) -> bool:
    """True when a statement was sent, and nobody knows what became of it."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and cause.statement is not None and cause.connection_invalidated


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)


def _undefined(error: DBAPIError) -> bool:
    return _state(error) in _UNDEFINED or any(words in str(error.orig) for words in _SQLITE_UNDEFINED)


def _reason(error: DBAPIError, url: URL) -> str:
    text = " ".join(str(error.orig).split())
    if url.password:
        text = text.replace(str(url.password), "***")
    if "unable to open database file" in text:
        text += " (its folder is missing: start Watchkeeper there, or set DATABASE_URL or WATCHKEEPER_HOME)"
    return text
