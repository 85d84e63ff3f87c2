"""Finds jobs that SQL says this worker runs, while it does not, and lets them go: nobody else may.

A failover of the database to a server that misses its last transactions leaves such: the end of a job is gone, its
claim is not. So does an ending that could not be stored for another reason than an outage. The rescuer takes jobs of
the dead only, and this worker lives.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from watchkeeper.states import JobState
from workers.announcer import Announcer
from workers.journal.strays import HeldBy, LetGo
from workers.journal.writer import JournalWriter

log = structlog.get_logger()

_LOOK_SECONDS: Final = 10.0


class Strays:
    """One per worker, used on its event loop. `holds` says whether a job is in its hands."""

    def __init__(
        self, writer: JournalWriter, announcer: Announcer, incarnation: str, holds: Callable[[str], bool]
    ) -> None:
        self._writer = writer
        self._announcer = announcer
        self._incarnation = incarnation
        self._holds = holds

    async def watch(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.run_once()
            except Exception as error:  # not an outage, which is waited for
                log.error("job.strays_unseen", error=f"{type(error).__name__}: {error}", advice="looked for again")

    async def run_once(self) -> int:
        """Look once; how many were let go."""
        found = 0
        for job_id, token in (await self._writer.do(HeldBy(self._incarnation))).items():
            # Asked right before the operation is queued: a claim that begins now is made behind it. One that ended
            # since the look has left the state, or the token.
            if self._holds(job_id):
                continue
            state = await self._writer.do(LetGo(job_id, token))
            if state is None:
                continue
            found += 1
            log.error(
                "job.stray",
                job=job_id,
                token=token,
                state=state.value,
                advice="SQL said that this worker runs it, and it did not: was the database restored, or failed over "
                "to a server that missed the last transactions? Else see job.surprise before",
            )
            if state is not JobState.QUEUED:  # the stager wakes those
                self._announcer.done(job_id)
        return found
