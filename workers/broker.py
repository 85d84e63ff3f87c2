"""dramatiq's broker over the wake-up queue: a message says "look at this job", nothing more (docs/adr/0002).

Taking a wake-up removes it: there is nothing to acknowledge, redeliver or strand. What a dying worker took with it
is found in SQL by the rescuer and the stager. A consumer blocks in Redis instead of polling, and takes no more than
there are idle threads, so that a wake-up is never stuck behind a busy process.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import dramatiq
import redis
import structlog
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import QueueNotFound
from redis.exceptions import RedisError

from watchkeeper.contract import WAKE_QUEUE

log = structlog.get_logger()

ACTOR: Final = "run_job"
QUEUE: Final = "jobs"
_BURST: Final = 32  # taken at once at most, so that one process does not swallow what others have threads for


class WakeBroker(dramatiq.Broker):
    """A dramatiq broker whose only queue is `WAKE_QUEUE`."""

    def __init__(self, client: "redis.Redis", *, threads: int, middleware: list[dramatiq.Middleware]) -> None:
        super().__init__(middleware=middleware)
        self.client = client
        self.slots = Slots(threads)

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 1000) -> Consumer:
        if queue_name not in self.queues:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]
        return WakeConsumer(self.client, self.slots, timeout / 1000)


class Slots:
    """Counts idle threads; the consumer waits here while all are busy, or for good once closed.

    `needed` is called by the consumer with the number of threads that are busy now, before it hands out their work.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._free = threads
        self.needed: Callable[[int], None] = lambda busy: None
        self._changed = threading.Condition()
        self.closed = False

    def wait_free(self, seconds: float) -> int:
        """How many threads are idle, waiting up to `seconds` for the first one."""
        with self._changed:
            if self._free == 0 or self.closed:
                self._changed.wait(seconds)
            return 0 if self.closed else self._free

    def close(self) -> None:
        """Take no more: this worker drains."""
        with self._changed:
            self.closed = True

    def take(self, count: int) -> None:
        """`count` wake-ups were handed to threads."""
        with self._changed:
            self._free -= count
            busy = self._threads - self._free
        self.needed(busy)

    def release(self) -> None:
        """A thread is idle again."""
        with self._changed:
            self._free += 1
            if self._free == 1:
                self._changed.notify()


class WakeUp(MessageProxy):
    """An idle thread of dramatiq's holds its last one until its next; so it lets go of what is in it."""

    def clear_exception(self) -> None:
        """dramatiq is done with it."""
        super().clear_exception()
        self._message = None  # type: ignore[assignment]


class WakeConsumer(Consumer):
    """Takes wake-ups in order: priority, then age."""

    def __init__(self, client: "redis.Redis", slots: Slots, block_seconds: float) -> None:
        self._client = client
        self._slots = slots
        self._block_seconds = block_seconds
        self._taken: deque[tuple[str, float]] = deque()
        self._away = False

    def __next__(self) -> MessageProxy | None:
        if not self._taken:
            free = self._slots.wait_free(self._block_seconds)
            if free == 0:
                return None
            self._taken.extend(self._fetch(min(free, _BURST)))
            if self._slots.closed:
                self.requeue(())
            if not self._taken:
                return None
            self._slots.take(len(self._taken))
        job_id, score = self._taken.popleft()
        return WakeUp(wake_message(job_id, score))

    def _fetch(self, limit: int) -> list[tuple[str, float]]:
        taken: list[tuple[str, float]] = []
        try:
            first: Any = self._client.bzpopmin(WAKE_QUEUE, timeout=self._block_seconds)
            if first is not None:
                taken.append((first[1], first[2]))
                taken.extend(self._client.zpopmin(WAKE_QUEUE, limit - 1) if limit > 1 else [])  # type: ignore[arg-type]
        except RedisError as error:
            # Not raised: dramatiq would say it again every three seconds of an outage. What was taken counts.
            if not self._away:
                log.error("worker.redis_away", error=str(error), advice="running jobs go on, no new ones start")
            self._away = True
            if not taken:
                time.sleep(self._block_seconds)
            return taken
        if self._away:
            log.info("worker.redis_back")
            self._away = False
        return taken

    def ack(self, message: MessageProxy) -> None:
        self._slots.release()

    nack = ack

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Put back what was taken and not begun, at shutdown."""
        back = {message.args[0]: message.options["score"] for message in messages}
        back.update(self._taken)
        self._taken.clear()
        if back:
            try:
                self._client.zadd(WAKE_QUEUE, back, nx=True)
            except RedisError as error:
                log.warning(
                    "worker.wake_ups_dropped", count=len(back), error=str(error), advice="the stager sends them again"
                )


def wake_message(job_id: str, score: float) -> "dramatiq.Message[Any]":
    """The dramatiq message that runs the actor for `job_id`."""
    return dramatiq.Message(queue_name=QUEUE, actor_name=ACTOR, args=(job_id,), kwargs={}, options={"score": score})
