"""The peer: a plain dramatiq async actor that calls `litellm.Router`, as its documentation shows.

Run by dramatiq's own command: `dramatiq bench.peer -p 2 -t 256`. `PEER_TUNED=1` gives it uvloop and rare interrupt
checks. It stores nothing: a job that is killed is redelivered or lost.
"""

import logging
import os
import time
import warnings

for name, value in (("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("LITELLM_MODE", "PRODUCTION")):
    os.environ.setdefault(name, value)
warnings.simplefilter("ignore")

import dramatiq  # noqa: E402
import litellm  # noqa: E402
import redis  # noqa: E402
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread  # noqa: E402
from dramatiq.brokers.redis import RedisBroker  # noqa: E402
from dramatiq.middleware import AsyncIO  # noqa: E402

litellm.suppress_debug_info = True


class TunedAsyncIO(AsyncIO):
    """uvloop, and threads woken every five seconds instead of ten times a second."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        import asyncio

        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        thread = EventLoopThread(logging.getLogger(__name__), interrupt_check_ival=5.0)
        thread.start(timeout=1.0)
        set_event_loop_thread(thread)


pool = redis.BlockingConnectionPool.from_url(os.environ["PEER_REDIS_URL"], max_connections=300, timeout=20)
broker = RedisBroker(client=redis.Redis(connection_pool=pool))
broker.add_middleware(TunedAsyncIO() if os.environ.get("PEER_TUNED") else AsyncIO())
dramatiq.set_broker(broker)

router = litellm.Router(
    model_list=[
        {
            "model_name": "chat",
            "litellm_params": {
                "model": "openai/sandbox-model",
                "api_key": f"sandbox-bench-{number}",
                "api_base": os.environ["PEER_API_BASE"],
            },
        }
        for number in (1, 2, 3)
    ],
)


@dramatiq.actor(queue_name="peer")
async def ask(question: str) -> None:
    """One question, one answer."""
    answer = await router.acompletion(model="chat", messages=[{"role": "user", "content": question}])
    assert answer.choices[0].message.content


@dramatiq.actor(queue_name="peer")
def note(sent_ms: float) -> None:
    """Say how long the message waited."""
    broker.client.lpush("bench:waits", time.time() * 1000 - sent_ms)
