"""litellm's own streaming, alone in a process: `python -m bench.streaming_bare SANDBOX_URL STREAMS QUESTION`.

Prints the CPU seconds that many streams side by side took, and the delay of each word in milliseconds, as JSON.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from bench.house import KEYS
from tests.configured import MODELS, PATHS
from workers.llm.setup import import_litellm


async def main(url: str, streams: int, question: str) -> None:
    """Warm up, measure, print."""
    litellm = import_litellm()
    await _read(litellm, url, KEYS[0], "[[tokens=3]]")
    before = time.process_time()
    delays = await asyncio.gather(
        *(_read(litellm, url, KEYS[number % len(KEYS)], question) for number in range(streams))
    )
    cpu = time.process_time() - before
    print(json.dumps({"cpu": cpu, "delays": [round(one, 1) for stream in delays for one in stream]}))


async def _read(litellm: Any, url: str, key: str, question: str) -> list[float]:
    delays: list[float] = []
    stream = await litellm.acompletion(
        model=f"openai/{MODELS['openai']}",
        messages=[{"role": "user", "content": question}],
        api_key=key,
        api_base=url + PATHS["openai"],
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        word = chunk.choices[0].delta.content if chunk.choices else None
        if word and word.strip().isdigit():
            delays.append((time.time_ns() // 1000 - int(word)) / 1000)
    return delays


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
