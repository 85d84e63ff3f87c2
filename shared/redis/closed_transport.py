"""Connections for an event loop that say ConnectionError when theirs is gone.

uvloop raises RuntimeError for a write to a transport that the other side has closed, where asyncio raises OSError;
redis-py knows the second only. Unmended, a cut of Redis would look like a fault of ours to whoever writes next.
"""

from collections.abc import Iterable
from typing import Any

import redis.asyncio
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.redis.demoted import LeavingAsync


class _Mended(LeavingAsync):
    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:  # redis-py has disconnected by now
            raise RedisConnectionError(f"the connection was closed: {error}") from error


class _Tcp(_Mended, Connection):
    pass


class _Tls(_Mended, SSLConnection):
    pass


class _Unix(_Mended, UnixDomainSocketConnection):
    pass


_MENDED: dict[type[AbstractConnection], type[Any]] = {
    Connection: _Tcp,
    SSLConnection: _Tls,
    UnixDomainSocketConnection: _Unix,
}


def mend(pool: "redis.asyncio.BlockingConnectionPool") -> None:
    """Have `pool`, which has opened no connection yet, open such ones."""
    pool.connection_class = _MENDED[pool.connection_class]
