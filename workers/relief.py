"""Memory given back to the system after a burst of jobs: about 1 MB of a worker that had 200 jobs at once."""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Final

_LOOK_SECONDS: Final = 2.0
_ENOUGH_JOBS: Final = 50


class Relief:
    """`running`: jobs in hand; `done`: jobs ended so far."""

    def __init__(self, running: Callable[[], int], done: Callable[[], int]) -> None:
        self._running = running
        self._done = done
        self._seen = 0
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others have no need of it

    async def watch(self) -> None:
        """Look every two seconds until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> bool:
        """Whether it was time: some jobs were done since the last time, and none runs that 5 ms would hold up."""
        done = self._done()
        if self._running() > 0 or done - self._seen < _ENOUGH_JOBS:
            return False
        self._seen = done
        gc.collect()
        if self._trim is not None:
            self._trim(0)
        return True
