"""Hears that a death was just written to SQL, so that the rescuer need not wait for its next turn."""

import threading
from collections.abc import Callable
from typing import Any, Final

import redis
import structlog
from redis.exceptions import RedisError

from shared.redis.connect import REPLY_SECONDS
from shared.redis.names import DEATHS

log = structlog.get_logger()

_SECONDS: Final = 0.5


class DeathBell:
    """A thread that listens. A ring that is lost costs the rescuer's half second: SQL says who is dead."""

    def __init__(self, client: "redis.Redis", heard: Callable[[], None]) -> None:
        """`heard` is called from the thread."""
        self._client = client
        self._heard = heard
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="death-bell", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; returns within a second or two, and Redis may be closed then."""
        self._stopping.set()
        self._thread.join(_SECONDS + REPLY_SECONDS)

    def _listen(self) -> None:
        bell: Any = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        while not self._stopping.is_set():
            try:
                if not bell.subscribed:
                    bell.subscribe(DEATHS)
                if bell.get_message(timeout=_SECONDS) is not None:
                    self._heard()
            except (RedisError, UnicodeDecodeError) as error:
                log.debug("scheduler.deaf", error=str(error))
                bell.reset()
                self._stopping.wait(_SECONDS)
        bell.close()
