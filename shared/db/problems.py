"""Database errors in words: which database, what is wrong, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.errors import DatabaseUnavailable, DatabaseVersionError, StoreError

_READ_ONLY = "25006"


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn what the driver raises inside into one of our StoreErrors."""
    try:
        yield
    except (OperationalError, ProgrammingError, PoolTimeoutError) as error:
        raise explain(error, url) from error
    except DBAPIError as error:
        # The server ended our session, perhaps because we were stopped; or it is a standby that has not taken over.
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) == _READ_ONLY:
            raise explain(error, url) from error
        raise


def explain(error: DBAPIError | PoolTimeoutError, url: URL) -> StoreError:
    """The StoreError to tell a person, without the URL's password."""
    where = url.render_as_string(hide_password=True)
    words = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    lowered = words.lower()
    if "no such table" in lowered or ("relation" in lowered and "does not exist" in lowered):
        return DatabaseVersionError(f"{where} has no Watchkeeper tables yet: run `watchkeeper migrate`")
    if "password authentication failed" in lowered:
        return DatabaseUnavailable(f"{where} refuses the user or password: correct DATABASE_URL")
    if "too many clients" in lowered or "remaining connection slots" in lowered:
        return DatabaseUnavailable(
            f"{where} has no connection left ({words}): raise max_connections or run fewer processes"
        )
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnavailable(f"{where} did not free one of our connections in time: is it overloaded?")
    return DatabaseUnavailable(
        f"{where} does not serve us: {words}. Is it running, and is DATABASE_URL right? Jobs are not run from the "
        "environment's keys alone: without the database there is nowhere to journal them"
    )
