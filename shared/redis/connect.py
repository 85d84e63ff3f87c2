"""Connecting to Redis: bounded pools, a deadline on everything, problems in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from shared.errors import ConfigurationError, RedisUnavailable
from shared.redis.closed_transport import mend
from shared.redis.demoted import leave_demoted
from watchkeeper.locations import UNREADABLE_REDIS_URL

CONNECT_SECONDS: Final = 2.0
REPLY_SECONDS: Final = 2.0


def connect_redis(url: str, *, connections: int, block_seconds: float = 0.0) -> "redis.Redis":
    """A client with at most `connections` sockets; callers queue for one instead of failing.

    Args:
        block_seconds: the longest a blocking command may wait; the socket's patience is longer than that.
    """
    with _readable():
        pool = redis.BlockingConnectionPool.from_url(
            url, timeout=REPLY_SECONDS, **_options(connections, block_seconds)
        )
    leave_demoted(pool)
    return redis.Redis.from_pool(pool)


def connect_redis_async(url: str, *, connections: int) -> "redis.asyncio.Redis":
    """The same for an event loop."""
    # Its own kind of retry: the blocking one hands a coroutine out before it fails, and never tries again.
    options = {**_options(connections, 0.0), "retry": AsyncRetry(_backoff(), 1, (RedisConnectionError,))}
    with _readable():
        pool = redis.asyncio.BlockingConnectionPool.from_url(url, timeout=REPLY_SECONDS, **options)
    mend(pool)
    return redis.asyncio.Redis.from_pool(pool)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ValueError:  # its text may hold a piece of the password
        raise ConfigurationError(UNREADABLE_REDIS_URL) from None


def _options(connections: int, block_seconds: float) -> dict[str, Any]:
    return {
        "max_connections": connections,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": REPLY_SECONDS + block_seconds,
        "health_check_interval": 30,
        "client_name": "watchkeeper",
        "driver_info": _driver(),
        "decode_responses": True,
        # One retry on a connection that went stale; an outage is the caller's to handle, not to wait out here.
        "retry": Retry(_backoff(), 1),
    }


@cache
def _driver() -> DriverInfo:
    # Left to itself, redis-py searches the installed packages for its own version with every new connection.
    return DriverInfo()


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(cap=0.2, base=0.02)


@contextmanager
def redis_problems(url: str) -> Iterator[None]:
    """Turn what redis-py raises inside into RedisUnavailable, saying what to do."""
    try:
        yield
    except RedisError as error:
        raise explain(error, url) from error


def explain(error: RedisError, url: str) -> RedisUnavailable:
    """The error to tell a person, without the URL's password."""
    where = shown(url)
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, AuthenticationError) or "NOAUTH" in words or "WRONGPASS" in words:
        return RedisUnavailable(f"Redis at {where} refuses the user or password: correct REDIS_URL")
    if url.startswith("unix://"):
        return RedisUnavailable(
            f"the embedded Valkey at {where} does not answer ({words}): start it with `watchkeeper store` "
            "(or everything with `watchkeeper up`), or set REDIS_URL"
        )
    return RedisUnavailable(f"Redis at {where} does not answer ({words}): is it running, and is REDIS_URL right?")


def shown(url: str) -> str:
    """`url` for people: no user, no password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"
