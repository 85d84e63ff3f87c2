"""litellm's cached HTTP clients: one per secret, let go when the secret is, closed when no call is open on them.

Left alone they stay for an hour, up to 200 of them, each with its connections; and litellm's own closing of dropped
clients begins after 15 minutes.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from shared.secret import Secret

log = structlog.get_logger()


@dataclass(slots=True)
class _Epoch:
    """The calls that began between two retirements, and the clients that the second one retired."""

    open: int = 0
    retired: list[Any] = field(default_factory=list)


class Clients:
    """Used on one event loop. Every call runs inside `using`."""

    def __init__(self, litellm: Any) -> None:
        self._litellm = litellm
        self._epochs: deque[_Epoch] = deque([_Epoch()])
        self._closing: set[asyncio.Task[None]] = set()

    @contextmanager
    def using(self) -> Iterator[None]:
        """While inside, no client that was there at the beginning is closed."""
        epoch = self._epochs[-1]
        epoch.open += 1
        try:
            yield
        finally:
            epoch.open -= 1
            self._close_unused()

    def keep(self, secrets: Iterable[Secret]) -> int:
        """Retire every client of another secret; how many. For each new configuration.

        Clients that carry no secret (some providers share one) stay.
        """
        kept = {secret.reveal() for secret in secrets}
        cache = self._litellm.in_memory_llm_clients_cache
        epoch = self._epochs[-1]
        for name, client in list(cache.cache_dict.items()):
            secret = getattr(client, "api_key", None)
            if isinstance(secret, str) and secret not in kept:
                cache.delete_cache(name)  # first out of the cache, then closed: nobody may be handed a closed one
                epoch.retired.append(client)
        if epoch.retired:
            self._epochs.append(_Epoch())
            self._close_unused()
        return len(epoch.retired)

    def _close_unused(self) -> None:
        while len(self._epochs) > 1 and not self._epochs[0].open:
            for client in self._epochs.popleft().retired:
                task = asyncio.get_running_loop().create_task(_close(client))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)


async def _close(client: Any) -> None:
    try:
        await client.close()
    except Exception as error:
        log.warning("llm.client_not_closed", error=type(error).__name__)
