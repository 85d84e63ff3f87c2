"""What a committed change of jobs means for those who wait: told through Redis, after the commit."""

from dataclasses import dataclass, field
from typing import Any

import redis
from redis.exceptions import RedisError

from watchkeeper.contract import DONE_CHANNEL, WAKE_QUEUE


@dataclass(slots=True)
class News:
    """`ended`: jobs with a final result now. `wakes`: jobs that may be claimed now, with their score."""

    ended: list[str] = field(default_factory=list)
    wakes: dict[str, float] = field(default_factory=dict)


def tell(client: "redis.Redis", news: News) -> bool:
    """Announce `news`. False when Redis is away: waiters look into SQL, the stager wakes the jobs a little later."""
    pipeline = client.pipeline(transaction=False)
    if news.ended:
        pipeline.zrem(WAKE_QUEUE, *news.ended)
    for job_id in news.ended:
        pipeline.publish(DONE_CHANNEL + job_id, "done")
    if news.wakes:
        scores: dict[Any, float] = {**news.wakes}
        pipeline.zadd(WAKE_QUEUE, scores, nx=True)
    try:
        pipeline.execute()
    except RedisError:
        return False
    return True
