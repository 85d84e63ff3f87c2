"""Waiting for a job's end: hear its announcement, and look at the row now and then in case none comes."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError
from redis.retry import Retry

from watchkeeper.contract import DONE_CHANNEL
from watchkeeper.errors import JobTimeout
from watchkeeper.job import Job
from watchkeeper.wakeup import REDIS_TIMEOUT_S

MAX_LISTENERS = 64
"""Connections of one client that listen at the same time; further waits look at the row every second."""

_LISTENING_PAUSE_S = 1.5
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0

_log = logging.getLogger("watchkeeper")


class Pauses:
    """How long to wait before each next look at the row; `now` is a monotonic clock in seconds."""

    def __init__(self, timeout: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._end = None if timeout is None else now() + timeout
        self._now = now
        self._deaf = _FIRST_PAUSE_S

    def next(self, *, listening: bool) -> float | None:
        """Seconds until the next look, None when the time is up. Without Redis short, then growing to 1 s."""
        pause = _LISTENING_PAUSE_S
        if not listening:
            pause, self._deaf = self._deaf, min(_LONGEST_PAUSE_S, self._deaf * 1.5)
        if self._end is None:
            return pause
        left = self._end - self._now()
        return min(pause, left) if left > 0 else None


def listening_redis(redis_url: str) -> Redis:
    """A client for `hear`; it connects on first use."""
    pool = ConnectionPool.from_url(
        redis_url,
        max_connections=MAX_LISTENERS,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        socket_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class Ear:
    """Listens for one job's announcement; deaf (`listening` is False) while Redis is away."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self.listening = False

    def open(self, channel: str) -> None:
        """Subscribe and wait until Redis has confirmed it, so that no later announcement is missed."""
        try:
            self._pubsub.subscribe(channel)
            self.listening = self._pubsub.get_message(timeout=REDIS_TIMEOUT_S) is not None
        except RedisError as error:
            self._deafen(error)

    def wait(self, seconds: float) -> None:
        """Return at the announcement, or after `seconds`."""
        if not self.listening:
            time.sleep(seconds)
            return
        try:
            self._pubsub.get_message(timeout=seconds)
        except RedisError as error:
            self._deafen(error)

    def _deafen(self, error: RedisError) -> None:
        self.listening = False
        log_deaf(error)


@contextmanager
def hear(redis: Redis, job_id: str) -> Iterator[Ear]:
    """Listen for the end of a job; the connection is closed on the way out."""
    pubsub = redis.pubsub()  # type: ignore[no-untyped-call]  # redis-py's own gap
    try:
        ear = Ear(pubsub)
        ear.open(DONE_CHANNEL + job_id)
        yield ear
    finally:
        pubsub.close()


def log_deaf(error: RedisError) -> None:
    """Say why a wait goes on without announcements."""
    _log.warning("cannot listen to Redis (%s): looking at the job's row every second instead", error)


def log_unread(error: RedisError) -> None:
    """Say why a story goes on without its stream."""
    _log.warning(
        "cannot read the job's stream from Redis (%s): its steps are told from SQL, each when it is done", error
    )


def out_of_time(job: Job, timeout: float | None) -> JobTimeout:
    """The error of a wait that ended before its job."""
    return JobTimeout(f"job {job.id} is still {job.state} after {timeout} s; it goes on, ask again with its id")
