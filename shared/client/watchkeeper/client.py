"""The client of a backend: SQL is asked directly, Redis only carries wake-ups and announcements."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select

from watchkeeper.callers_transaction import CallersConnection, insert_in
from watchkeeper.cancelling import Cancelling, cancel_job
from watchkeeper.contract import jobs
from watchkeeper.engine import build_engine
from watchkeeper.enqueue import insert_job
from watchkeeper.errors import JobNotFound, StoreUnavailable
from watchkeeper.events import Event
from watchkeeper.ids import IdMaker
from watchkeeper.job import JOB_COLUMNS, Job, job_from_row
from watchkeeper.locations import UNREADABLE_REDIS_URL, locate
from watchkeeper.messages import Messages
from watchkeeper.news import News
from watchkeeper.states import Priority
from watchkeeper.store_errors import answer_lost, translated
from watchkeeper.story_rows import Found, look
from watchkeeper.streaming import StoryReader, reading_redis
from watchkeeper.submission import check
from watchkeeper.waiting import Pauses, hear, listening_redis, out_of_time
from watchkeeper.wakeup import Doorbell


class Client:
    """Enqueues jobs and waits for their results; one per process is enough, threads may share it.

    The stores are `database_url` and `redis_url`, else `DATABASE_URL` and `REDIS_URL`, else the embedded ones
    under `home`, else under `WATCHKEEPER_HOME` (default `.watchkeeper/`). Nothing connects before first use.

    Raises:
        StoreUnavailable: an URL is not usable.
    """

    def __init__(
        self,
        database_url: str | None = None,
        redis_url: str | None = None,
        *,
        home: str | Path | None = None,
    ) -> None:
        environ = dict(os.environ) if home is None else {**os.environ, "WATCHKEEPER_HOME": str(home)}
        places = locate(environ)
        engine = build_engine(database_url or places.database_url)
        # Each call is one statement, a transaction of its own: AUTOCOMMIT saves the round trips around it.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._redis_url = redis_url or places.redis_url
        try:
            self._doorbell = Doorbell(self._redis_url)
        except ValueError:  # its text may hold a piece of the password
            raise StoreUnavailable(UNREADABLE_REDIS_URL) from None
        self._listening = listening_redis(self._redis_url)
        self._streams = reading_redis(self._redis_url)
        self._new_id = IdMaker()

    def enqueue(
        self,
        agent: str,
        messages: Messages,
        *,
        conversation_id: str | None = None,
        idempotency_key: str | None = None,
        priority: Priority | str = Priority.NORMAL,
        run_after: datetime | None = None,
        deadline: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        stream: bool = False,
        connection: CallersConnection | None = None,
    ) -> Job:
        """Accept a job: once this returns without `connection`, it is stored and will end exactly once.

        Args:
            agent: name of a configured agent; "default" always exists.
            messages: a string (one user message) or a list of chat messages.
            conversation_id: jobs of one conversation run one after another, in the order enqueued.
            idempotency_key: a second call with it stores nothing and returns the first job (`duplicate`).
            priority: a `Priority` or "high", "normal", "low".
            run_after: not started before; needs a time zone.
            deadline: failed when not finished by then; needs a time zone.
            metadata: yours, at most 64 KiB of JSON; comes back on the job.
            stream: tell every token as it comes; read it with `stream`. Without, `stream` tells whole steps.
            connection: a SQLAlchemy Connection or Session: the job is part of its transaction, which stays
                yours to commit. A Session's commit also sends the wake-up; after that of a bare Connection
                the service finds the job by itself, a little later.

        Raises:
            InvalidJob, UnknownAgent: the text says what to change; nothing was stored.
            StoreNotReady, StoreUnavailable: the database; never Redis, which only makes the start quicker.
        """
        submission = check(
            agent,
            messages,
            job_id=self._new_id(),
            now=datetime.now(UTC),
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
            priority=priority,
            run_after=run_after,
            deadline=deadline,
            metadata=metadata,
            stream=stream,
        )
        if connection is not None:
            return insert_in(connection, submission, self._doorbell.ring)
        try:
            with translated(self._engine.url), self._engine.connect() as own:
                job = insert_job(own, submission)
        except StoreUnavailable as error:
            if not answer_lost(error):
                raise
            job = self._stored(submission.id, error)
        self._doorbell.ring(job)
        return job

    def get(self, job_id: str) -> Job:
        """The job as it is now.

        Raises:
            JobNotFound, StoreNotReady, StoreUnavailable
        """
        with translated(self._engine.url), self._engine.connect() as own:
            row = own.execute(select(*JOB_COLUMNS).where(jobs.c.id == str(job_id))).one_or_none()
        if row is None:
            raise JobNotFound(f"there is no job {job_id!r}")
        return job_from_row(row)

    def wait(self, job_id: str, timeout: float | None = 300.0) -> Job:
        """The job once it has ended, however it ended; `timeout` in seconds, None waits for ever.

        Raises:
            JobTimeout: it goes on; wait again, or `get` it later.
            JobNotFound, StoreNotReady, StoreUnavailable
        """
        pauses = Pauses(timeout)
        with hear(self._listening, job_id) as ear:  # first listen, then look: an end in between is not missed
            while not (job := self.get(job_id)).state.final:
                if (pause := pauses.next(listening=ear.listening)) is None:
                    raise out_of_time(job, timeout)
                ear.wait(pause)
        return job

    def stream(self, job_id: str, *, after: str | None = None, timeout: float | None = 300.0) -> Iterator[Event]:
        """What the job tells, from its beginning or from behind the event `after`, `ended` last.

        The story is whole whatever happens on the way: what Redis lost is told from the journal in SQL. There is
        no token by token then, and what was told of a step in part is taken back (`step_reset`) before it is told
        whole. Tokens joined by step, minus what was taken back, are exactly the replies (`StoryText` does it).

        Args:
            job_id: any job; only one enqueued with `stream` tells its tokens as they come.
            after: the id of any event of this job you got before. When it is not known any more (its stream has
                expired), a `step_reset` whose step is None takes back all that was told, and the story begins anew.
            timeout: seconds for the whole story, None for no limit.

        Raises:
            JobTimeout: it goes on; call again with the last `after`.
            JobNotFound, StoreNotReady, StoreUnavailable
        """
        reader = StoryReader(
            str(job_id),
            streams=self._streams,
            listening=self._listening,
            look=self._look,
            pauses=Pauses(timeout),
            late=lambda: out_of_time(self.get(job_id), timeout),
        )
        yield from reader.events(after)

    def cancel(self, job_id: str, *, by: str = "the backend") -> Job:
        """Stop the job, and give it as it is then: cancelled at once, unless a worker runs it.

        A running one has `cancel_requested` stored, which binds it whatever happens to its worker; that stops it
        within a second (`wait` for it), at its next step while Redis is away. One that has ended stays as it is.
        `by` says who did it, for people.

        Raises:
            JobNotFound, StoreNotReady, StoreUnavailable
        """
        news = News()
        with translated(self._engine.url), self._engine.connect() as own:
            outcome = cancel_job(own, str(job_id), by=by, news=news)
        if outcome is not Cancelling.OVER:
            self._doorbell.announce(news)
        return self.get(job_id)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
        self._streams.close()
        self._doorbell.close()
        self._listening.close()

    def _stored(self, job_id: str, lost: StoreUnavailable) -> Job:
        """The job whose acceptance got lost on the way."""
        try:
            return self.get(job_id)
        except (JobNotFound, StoreUnavailable):
            # Not found is no proof: the server may still be at it.
            raise StoreUnavailable(
                f"{lost}; whether the job was stored is not known: enqueue it again with the same idempotency_key, "
                f"or look for it as {job_id}"
            ) from lost

    def _look(self, job_id: str, known: frozenset[int] | None) -> Found:
        with translated(self._engine.url), self._engine.connect() as own:
            return look(own, job_id, known)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
