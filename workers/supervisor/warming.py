"""Everything a worker needs in memory, before the first one is forked: it then starts in milliseconds and shares it.

Measured (docs/adr/0010): a worker forked before its first calls were made comes to five times the memory of its own.
"""

import asyncio
import dataclasses
import gc
import importlib
import os
import stat
import threading
import warnings
from collections.abc import Iterable
from typing import Any, Final

from shared.errors import ConfigurationError
from shared.settings import Settings
from watchkeeper.engine import build_engine
from workers.equipment import CONNECTIONS, NAME, Equipment, equip
from workers.llm.call import LlmCalls
from workers.supervisor.own_provider import own_provider
from workers.supervisor.packing import few_arenas, fill_places
from workers.supervisor.rehearsal import rehearse

_WORKER: Final = ("workers.worker", "workers.supervisor.child", "psycopg", "sqlalchemy.dialects.sqlite")
_ANSWER_SECONDS: Final = 20.0
_MESSAGES: Final = [{"role": "user", "content": "warm-up"}]


def warm_up(settings: Settings, kinds: Iterable[str]) -> Equipment:
    """Import, make each kind's first calls, forget their clients, and freeze what is left for good.

    Args:
        kinds: wire formats, as litellm names them.

    Raises:
        ConfigurationError: a module of tools cannot be loaded, or leaves what a fork would copy: a thread, a
            connection.
    """
    before = _sockets()
    few_arenas()
    for module in _WORKER:
        importlib.import_module(module)
    equipment = equip(settings)
    litellm = equipment.litellm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the modules litellm loads with its first calls
        asyncio.run(_first_calls(litellm, sorted({*kinds, "openai"}), lean=settings.lean_litellm))
    litellm.in_memory_llm_clients_cache.flush_cache()
    rehearse()
    engine = build_engine(settings.locations.database_url, pool_size=CONNECTIONS, application_name=NAME)
    gc.collect()
    if threading.active_count() > 1:
        names = ", ".join(sorted({thread.name for thread in threading.enumerate()} - {"MainThread"}))
        raise ConfigurationError(
            f"a module of WATCHKEEPER_TOOLS starts threads when it is imported ({names}), and they do not survive a "
            "fork: start them with the first call"
        )
    if _sockets() > before:
        raise ConfigurationError(
            "a module of WATCHKEEPER_TOOLS opens a connection when it is imported, which forked workers would share: "
            "open it with the first call"
        )
    equipment = dataclasses.replace(equipment, engine=engine, warm=True, filling=fill_places())
    gc.freeze()
    return equipment


async def _first_calls(litellm: Any, kinds: list[str], *, lean: bool) -> None:
    for stream in (False, True):
        answer = await litellm.acompletion(
            model="openai/warm-up", messages=_MESSAGES, mock_response="warm", api_key="none", stream=stream
        )
        if stream:
            async for _ in answer:
                pass
    calls = LlmCalls(litellm, lean=lean)
    async with own_provider() as base:
        for on_text in (None, _ignored):
            await calls.call(
                kind="openai",
                remote_name="warm-up",
                api_base=base,
                secret=None,
                messages=_MESSAGES,
                parameters={},
                timeout_seconds=_ANSWER_SECONDS,
                on_text=on_text,
            )
    await calls.warm_up(set(kinds))
    await asyncio.sleep(0)
    for client in list(litellm.in_memory_llm_clients_cache.cache_dict.values()):
        closing = getattr(client, "close", None)
        if closing is not None and asyncio.iscoroutinefunction(closing):
            await closing()


def _ignored(_text: str) -> None:
    """A streamed answer's words."""


def _sockets() -> int:
    """Open sockets of this process, whoever opened them."""
    found = 0
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - descriptors, not files
        try:
            found += stat.S_ISSOCK(os.fstat(int(name)).st_mode)
        except OSError:  # the one the listing itself used
            continue
    return found
