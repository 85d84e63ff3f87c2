"""One worker's runner and the stores it works on."""

from dataclasses import dataclass
from typing import Any

from tests.configured import Configured
from tests.rows import Rows
from workers.announcer import Announcer
from workers.lease import Lease
from workers.runner import JobRunner


@dataclass(frozen=True, slots=True)
class Crew:
    """What a test of a running job needs to see."""

    configured: Configured
    rows: Rows
    runner: JobRunner
    lease: Lease
    announcer: Announcer

    async def run(self, text: str = "hello", **values: Any) -> dict[str, Any]:
        """Enqueue a job, run its wake-up to the end; the row."""
        (job_id,) = self.rows.enqueue(text=text, **values)
        await self.runner.run(job_id)
        await self.announcer.flush()
        return self.rows.job(job_id)
