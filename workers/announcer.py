"""Tells Redis what was committed: a job has ended, a job may run now. Lost news are no loss: SQL has it."""

import asyncio

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE
from workers.journal.operations import Wake

log = structlog.get_logger()


class Announcer:
    """Gathers what is said in one turn of the event loop into one round trip."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._done: list[str] = []
        self._wakes: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None
        self._away = False

    def done(self, job_id: str) -> None:
        """The job has its final result."""
        self._done.append(job_id)
        self._schedule()

    def wake(self, wake: Wake) -> None:
        """The job may be claimed now."""
        self._wakes[wake.job_id] = wake.score
        self._schedule()

    async def flush(self) -> None:
        """Return once everything said so far was sent (or failed)."""
        if self._task is not None:
            await self._task

    def _schedule(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        while self._done or self._wakes:
            done, self._done = self._done, []
            wakes, self._wakes = self._wakes, {}
            pipeline = self._client.pipeline(transaction=False)
            for job_id in done:
                pipeline.publish(DONE_CHANNEL + job_id, "done")
            if wakes:
                pipeline.zadd(WAKE_QUEUE, wakes, nx=True)
            try:
                await pipeline.execute()
            except (RedisError, OSError) as error:
                if not self._away:
                    log.warning(
                        "announce.failed", error=str(error), advice="waiters poll SQL, the stager wakes the jobs"
                    )
                self._away = True
            else:
                self._away = False
        self._task = None
