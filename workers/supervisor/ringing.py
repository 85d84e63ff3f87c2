"""What the supervisor tells the scheduler through Redis: that somebody died, and who did while SQL was away."""

import threading

import redis
import structlog
from redis.exceptions import RedisError

from shared.redis.names import DEATHS
from shared.supervision.untold import Untold, leave_untold

log = structlog.get_logger()


class Ringing:
    """A thread that rings, for Redis may hang and nobody shall wait for it. A lost ring costs half a second."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._died = threading.Event()
        self._stopping = False

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._work, name="ringing", daemon=True).start()

    def stop(self) -> None:
        """Ring no more."""
        self._stopping = True
        self._died.set()

    def died(self) -> None:
        """SQL knows of a death; from any thread."""
        self._died.set()

    def leave(self, ends: list[Untold]) -> None:
        """The scheduler tells SQL of `ends` once it is back; without Redis their heartbeats do."""
        try:
            leave_untold(self._client, ends)
        except RedisError as error:
            log.error("supervisor.ends_untold", count=len(ends), error=str(error), advice="heartbeats tell it later")

    def _work(self) -> None:
        while self._died.wait() and not self._stopping:
            self._died.clear()
            try:
                self._client.publish(DEATHS, "died")
            except RedisError as error:
                log.debug("supervisor.redis_away", error=str(error))
