"""The wake-up in Redis that follows a committed row. It may be lost: the service's stager sends it again."""

import logging
import threading
import time
from collections.abc import Callable

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError
from redis.retry import Retry

from watchkeeper.clock import to_ms
from watchkeeper.contract import WAKE_QUEUE, wake_score
from watchkeeper.job import Job
from watchkeeper.news import News, tell
from watchkeeper.states import JobState

REDIS_TIMEOUT_S = 1.0
_PAUSE_S = 5.0
_CONNECTIONS = 8

_log = logging.getLogger("watchkeeper")


class Doorbell:
    """Sends wake-ups; while Redis is away it tries once every 5 s, so that enqueueing stays quick.

    `now` is a monotonic clock in seconds.
    """

    def __init__(self, redis_url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._url = redis_url
        self._redis = self._connections()
        self._now = now
        self._lock = threading.Lock()
        self._quiet_until: float | None = None

    def ring(self, job: Job) -> None:
        """Tell the workers of a committed `job`. Never raises for Redis: the job is accepted already.

        A job for later gets its wake-up from the stager when its time has come.
        """
        if job.duplicate or job.state is not JobState.QUEUED or not self._may_try():
            return
        score = wake_score(job.priority, to_ms(job.enqueued_at))
        try:
            self._redis.zadd(WAKE_QUEUE, {job.id: score}, nx=True)
        except RedisError as error:
            self._quiet_until = self._now() + _PAUSE_S
            if isinstance(error, ReadOnlyError):  # demoted: its address may lead to another server by now
                # Let go, not closed: who uses it beside us would meet errors that redis-py does not name as its own.
                self._redis = self._connections()
            _log.warning(
                "Redis did not take a wake-up (%s): jobs are stored and start a little later; next try in %.0f s",
                error,
                _PAUSE_S,
            )
        else:
            self._quiet_until = None

    def announce(self, news: News) -> None:
        """Tell who waits of a committed change. Never raises for Redis: all of them look into SQL now and then."""
        if news and not tell(self._redis, news):
            _log.warning("Redis did not take the news of a job: the change is stored, and seen a little later")

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _connections(self) -> Redis:
        return Redis.from_pool(
            BlockingConnectionPool.from_url(
                self._url,
                max_connections=_CONNECTIONS,
                timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
                socket_timeout=REDIS_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
        )

    def _may_try(self) -> bool:
        with self._lock:
            if self._quiet_until is None:
                return True
            if self._now() < self._quiet_until:
                return False
            # One caller pays for the next try; those beside it go on at once.
            self._quiet_until = self._now() + _PAUSE_S
            return True
