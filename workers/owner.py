"""What a worker tells the supervisor that started it."""

from collections.abc import Callable
from typing import Protocol


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
