"""One way to make LLM calls, alone in a process: `python -m bench.calling VARIANT SANDBOX_URL`.

Each line on stdin is a number of calls to make, 100 at a time; the answer is the CPU seconds they took. A process of
its own, because a litellm.Router hangs callbacks into litellm that slow every other call of the same process down.
"""

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from bench.house import KEYS, installation, router
from shared.logs import configure_logging
from tests.configured import MODELS, PATHS
from workers.llm.call import LlmCalls
from workers.llm.setup import import_litellm
from workers.router.calls import Answered, Call

CONCURRENCY = 100
MESSAGES = [{"role": "user", "content": "question"}]

Ask = Callable[[], Awaitable[object]]


@asynccontextmanager
async def bare(litellm: Any, url: str) -> AsyncIterator[Ask]:
    """litellm.acompletion, the keys in turn."""
    keys = itertools.cycle(KEYS)

    def ask() -> Awaitable[object]:
        answer: Awaitable[object] = litellm.acompletion(
            model=f"openai/{MODELS['openai']}", messages=MESSAGES, api_key=next(keys), api_base=url + PATHS["openai"]
        )
        return answer

    yield ask


@asynccontextmanager
async def litellm_router(litellm: Any, url: str) -> AsyncIterator[Ask]:
    """litellm.Router over the same keys, with its defaults."""
    made = litellm.Router(
        model_list=[
            {
                "model_name": "chat",
                "litellm_params": {
                    "model": f"openai/{MODELS['openai']}",
                    "api_key": key,
                    "api_base": url + PATHS["openai"],
                },
            }
            for key in KEYS
        ]
    )
    yield lambda: made.acompletion(model="chat", messages=MESSAGES)


@asynccontextmanager
async def ours(litellm: Any, url: str, *, lean: bool) -> AsyncIterator[Ask]:
    """Router.serve with the real calls, on a real Redis and database."""
    calls = LlmCalls(litellm, lean=lean)
    await calls.warm_up({"openai"})
    with installation(url) as place:
        async with router(place, calls) as (made, _):

            async def ask() -> None:
                outcome = await made.serve(Call("default", 1, MESSAGES, [], None))
                assert isinstance(outcome, Answered), outcome

            yield ask


async def main(variant: str, url: str) -> None:
    """Serve lines until stdin ends."""
    litellm = import_litellm()
    made = {
        "bare": bare(litellm, url),
        "router": litellm_router(litellm, url),
        "ours": ours(litellm, url, lean=True),
        "ours-full-logging": ours(litellm, url, lean=False),
    }[variant]
    async with made as ask:
        await _make(ask, CONCURRENCY)
        gc.collect()
        gc.freeze()  # as a worker does before it is ready; the peers get it too, so that only the routing differs
        while line := await asyncio.to_thread(sys.stdin.readline):
            before = time.process_time()
            await _make(ask, int(line))
            sys.stdout.write(f"{time.process_time() - before}\n")
            sys.stdout.flush()


async def _make(ask: Ask, count: int) -> None:
    left = iter(range(count))

    async def one_after_another() -> None:
        for _ in left:
            await ask()

    await asyncio.gather(*(one_after_another() for _ in range(CONCURRENCY)))


if __name__ == "__main__":
    configure_logging(room="bench", format="json", level="warning")
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(sys.argv[1], sys.argv[2]))
