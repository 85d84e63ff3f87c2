"""What a committed change of jobs means for others: told through Redis, after the commit."""

from dataclasses import dataclass, field
from typing import Any

import redis
from redis.exceptions import RedisError

from watchkeeper.contract import ALONE_QUEUE, CANCEL_CHANNEL, DONE_CHANNEL, STREAM, WAKE_QUEUE


@dataclass(slots=True)
class News:
    """`ended`: jobs with a final result now. `stopping`: running jobs that were told to stop. `wakes`: jobs that may
    be claimed now, with their score. `retold`: jobs that ended and run again: what they told stands no longer.
    """

    ended: list[str] = field(default_factory=list)
    stopping: list[str] = field(default_factory=list)
    wakes: dict[str, float] = field(default_factory=dict)
    retold: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.ended, self.stopping, self.wakes, self.retold))


def tell(client: "redis.Redis", news: News) -> bool:
    """Announce `news`. False when Redis is away: waiters look into SQL, the stager wakes the jobs a little later,
    and a job that is to stop does so within seconds: its worker asks SQL too.
    """
    pipeline = client.pipeline(transaction=False)
    if news.ended:
        pipeline.zrem(WAKE_QUEUE, *news.ended)
        pipeline.zrem(ALONE_QUEUE, *news.ended)
    for job_id in news.ended:
        pipeline.publish(DONE_CHANNEL + job_id, "done")
    for job_id in news.stopping:
        pipeline.publish(CANCEL_CHANNEL, job_id)
    for job_id in news.retold:
        pipeline.delete(STREAM + job_id)
    if news.wakes:
        scores: dict[Any, float] = {**news.wakes}
        pipeline.zadd(WAKE_QUEUE, scores, nx=True)
    try:
        pipeline.execute()
    except RedisError:
        return False
    return True
