"""One worker's runner and the stores it works on."""

from dataclasses import dataclass
from typing import Any

import redis.asyncio
from sqlalchemy import delete

from shared.db.tables import steps
from tests.configured import Configured
from tests.rows import Rows
from workers.announcer import Announcer
from workers.journal.writer import JournalWriter
from workers.lease import Lease
from workers.runner import JobRunner
from workers.telling.publisher import Publisher
from workers.tools.calling import ToolCalls
from workers.tools.registry import Tool


@dataclass(frozen=True, slots=True)
class Crew:
    """What a test of a running job needs to see."""

    configured: Configured
    rows: Rows
    runner: JobRunner
    lease: Lease
    announcer: Announcer
    tools: dict[str, Tool]
    tool_calls: ToolCalls
    writer: JournalWriter
    publisher: Publisher
    client: "redis.asyncio.Redis"

    async def run(self, text: str = "hello", **values: Any) -> dict[str, Any]:
        """Enqueue a job, run its wake-up to the end; the row."""
        (job_id,) = self.rows.enqueue(text=text, **values)
        await self.runner.run(job_id)
        await self.announcer.flush()
        return self.rows.job(job_id)

    def forget_last_step(self, row: dict[str, Any]) -> None:
        """As if the worker had died before it wrote the last step of an ended job, and the rescuer had come."""
        with self.rows.engine.begin() as connection:
            last = (steps.c.job_id == row["id"], steps.c.number == row["steps"])
            connection.execute(delete(steps).where(*last))
        self.rows.change_job(row["id"], state="queued", result=None, steps=row["steps"] - 1, finished_at=None)
