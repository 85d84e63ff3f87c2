"""A job enqueued inside a transaction of the caller: it exists when that commits, and only then."""

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, scoped_session

from watchkeeper.enqueue import insert_job
from watchkeeper.errors import InvalidJob
from watchkeeper.job import Job
from watchkeeper.store_errors import translated
from watchkeeper.submission import Submission

CallersConnection: TypeAlias = Connection | Session | scoped_session[Session]

_PENDING = "watchkeeper.wakeups"


def insert_in(connection: CallersConnection, submission: Submission, ring: Callable[[Job], None]) -> Job:
    """Store the job in the caller's transaction, and never commit it.

    `ring` is called once after the commit of a Session. A bare Connection tells nobody of its commit: the
    service's stager finds that job by itself.

    Raises:
        InvalidJob: `connection` is none, or not to PostgreSQL or SQLite.
        StoreNotReady: its database holds no Watchkeeper tables.
    """
    if isinstance(connection, scoped_session):
        connection = connection()
    if isinstance(connection, Session):
        job = _insert(connection.connection(), submission)
        _ring_after_commit(connection, job, ring)
        return job
    if isinstance(connection, Connection):
        return _insert(connection, submission)
    raise InvalidJob(
        "connection",
        f"is a {type(connection).__name__}: Client takes a SQLAlchemy Connection or Session, AsyncClient an "
        "AsyncConnection or AsyncSession",
    )


def _insert(connection: Connection, submission: Submission) -> Job:
    with translated(connection.engine.url, callers=True):
        return insert_job(connection, submission)


def _ring_after_commit(session: Session, job: Job, ring: Callable[[Job], None]) -> None:
    # A job whose savepoint alone was rolled back may still be rung for: a wake-up without a row does nothing.
    if _PENDING not in session.info:
        session.info[_PENDING] = []
        event.listen(session, "after_commit", _send)
        event.listen(session, "after_transaction_end", _forget)
    session.info[_PENDING].append((job, ring))


def _send(session: Session) -> None:
    if session.in_nested_transaction():  # a savepoint was released: nobody else sees its rows yet
        return
    pending, session.info[_PENDING] = session.info[_PENDING], []
    for job, ring in pending:
        ring(job)


def _forget(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        session.info[_PENDING] = []
