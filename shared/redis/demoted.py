"""Connections that leave a server which only reads.

After a failover behind one address, the connections that are open still lead to the server that was the master, and
every write on them is refused for good, while reads go on. Who is told so lets go of the connection: the next one
leads to where the address leads now. Until somebody took over, it is an outage like any other.
"""

from typing import Any, Final

import redis
from redis.asyncio.connection import AbstractConnection
from redis.connection import AbstractConnection as AbstractBlocking
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError

_WORDS: Final = "this server only reads: it was demoted, or is a replica"


class _Leaving(AbstractBlocking):
    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)
        except ReadOnlyError as error:
            self.disconnect()  # type: ignore[no-untyped-call]  # redis-py's own gap
            raise RedisConnectionError(_WORDS) from error


class _Tcp(_Leaving, Connection):
    pass


class _Tls(_Leaving, SSLConnection):
    pass


class _Unix(_Leaving, UnixDomainSocketConnection):
    pass


_LEAVING: Final[dict[type[Any], type[Any]]] = {
    Connection: _Tcp,
    SSLConnection: _Tls,
    UnixDomainSocketConnection: _Unix,
}


def leave_demoted(pool: "redis.BlockingConnectionPool") -> None:
    """Have `pool`, which has opened no connection yet, open such ones."""
    pool.connection_class = _LEAVING[pool.connection_class]


class LeavingAsync(AbstractConnection):
    """The same for an event loop; to be mixed in."""

    async def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*arguments, **options)
        except ReadOnlyError as error:
            await self.disconnect(nowait=True)
            raise RedisConnectionError(_WORDS) from error
