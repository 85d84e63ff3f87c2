"""litellm's global callback lists while the configuration changes: a `litellm.Router` for each would fill them up.

They hold 100 entries; from the 101st router on, nobody learns of a dead key any more.
"""

import asyncio
from typing import Any, Final

import uvloop

from bench.figures import judged
from bench.house import installation, logs_written_to_nobody, router
from bench.systems import start_sandbox
from tests.configured import Provider
from workers.llm.call import LlmCalls
from workers.llm.setup import import_litellm
from workers.router.calls import Answered, Call

_LISTS: Final = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "service_callback",
    "_async_input_callback",
    "_async_success_callback",
    "_async_failure_callback",
)


def run(changes: int) -> None:
    """Measure and print."""
    with start_sandbox() as url, logs_written_to_nobody():
        before, after = uvloop.run(_count(url, changes))
    print(f"\nentries in litellm's {len(_LISTS)} callback lists over {changes} changes with a call on each")
    print(f"  {before} before, {after} after (goal none more: {judged(before == after)})")


async def _count(url: str, changes: int) -> tuple[int, int]:
    litellm = import_litellm()
    calls = LlmCalls(litellm, lean=True)
    with installation(url) as place:
        async with router(place, calls) as (made, _):
            before = 0
            for number in range(changes + 1):
                published = await asyncio.to_thread(
                    place.configured.publish, Provider("bench", (f"sandbox-c{number}",))
                )
                outcome = await made.serve(Call("default", 1, [{"role": "user", "content": "question"}], [], None))
                assert isinstance(outcome, Answered), outcome
                assert outcome.generation == published.generation
                before = before if number else _entries(litellm)  # the first call of a process may add its own
            return before, _entries(litellm)


def _entries(litellm: Any) -> int:
    return sum(len(getattr(litellm, name)) for name in _LISTS)
