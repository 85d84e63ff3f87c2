"""What others ask of the supervisor through Redis: orders, and jobs that want a process of their own."""

import threading
from collections.abc import Callable
from typing import Any, Final

import redis
import structlog
from redis.exceptions import RedisError

from shared.supervision.orders import Order, take_orders
from watchkeeper.contract import ALONE_QUEUE

log = structlog.get_logger()

BLOCK_SECONDS: Final = 1.0
"""How long one look blocks in Redis; the client's sockets must be more patient."""


class Asking:
    """Two threads that listen; Redis away is harmless: the scheduler asks again, the stager sends again."""

    def __init__(
        self,
        client: "redis.Redis",
        supervisor: str,
        *,
        ordered: Callable[[Order], None],
        alone: Callable[[str], None],
        may_run_alone: Callable[[], bool],
    ) -> None:
        """Describe it; `start` begins.

        Args:
            ordered: called with every order, from a thread.
            alone: called with the id of a job to be run alone, from a thread, while `may_run_alone` says yes.
        """
        self._client = client
        self._supervisor = supervisor
        self._ordered = ordered
        self._alone = alone
        self._may_run_alone = may_run_alone
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to listen."""
        for name, look in (("orders", self._look_for_orders), ("alone", self._look_for_lone_jobs)):
            threading.Thread(target=self._listen, args=(look,), name=name, daemon=True).start()

    def stop(self) -> None:
        """Take nothing more; a look that blocks ends within BLOCK_SECONDS."""
        self._stopping.set()

    def _listen(self, look: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                look()
            except RedisError as error:
                log.debug("supervisor.redis_away", error=str(error))
                self._stopping.wait(BLOCK_SECONDS)
            except Exception:  # one thing nobody can read must not make it deaf to all that follow
                log.exception("supervisor.asked_nonsense", advice="skipped; who else writes to this Redis database?")
                self._stopping.wait(BLOCK_SECONDS)

    def _look_for_orders(self) -> None:
        for order in take_orders(self._client, self._supervisor, BLOCK_SECONDS):
            self._ordered(order)

    def _look_for_lone_jobs(self) -> None:
        if not self._may_run_alone():
            self._stopping.wait(0.2)
            return
        taken: Any = self._client.bzpopmin(ALONE_QUEUE, timeout=BLOCK_SECONDS)
        if taken is not None:
            self._alone(taken[1])
