"""litellm as a worker has it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from workers.llm.setup import import_litellm


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def litellm() -> AsyncIterator[Any]:
    """litellm, set up as in a worker; its HTTP clients live as long as the session's event loop."""
    litellm = import_litellm()
    yield litellm
    await litellm.close_litellm_async_clients()
    await litellm.module_level_aclient.close()  # of streamed calls to Anthropic: it is in no cache
    litellm.in_memory_llm_clients_cache.flush_cache()
