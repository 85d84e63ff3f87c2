"""What a worker tells the supervisor that started it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Owner(Protocol):
    """The worker's end of its line to the supervisor; a worker that was started alone has none."""

    async def beat(self, ailing: Callable[[], str | None], useful: Callable[[], bool]) -> None:
        """Tell until cancelled, from the event loop, that it turns; or what `ailing` names as dead.

        Args:
            useful: True once it has stored a step of a job: it was worth starting, whatever kills it later.
        """
        ...

    def ready(self) -> None:
        """It takes jobs."""
        ...

    def leaving(self) -> None:
        """The event loop stops now; the process ends within seconds."""
        ...


def ended_early(tasks: "Iterable[asyncio.Task[Any]]") -> str | None:
    """In words, which of a worker's lasting tasks ended; without it the worker looks alive and is not whole."""
    for task in tasks:
        if task.done():
            error = None if task.cancelled() else task.exception()
            name = getattr(task.get_coro(), "__qualname__", task.get_name())
            return f"its task {name} ended" + (f" ({type(error).__name__}: {error})"[:200] if error else "")
    return None
