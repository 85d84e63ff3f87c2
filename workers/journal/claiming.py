"""The operation that takes a job, and brings back all that is needed to go on with it."""

import json
from dataclasses import dataclass
from typing import Any

from workers.journal.database import Database
from workers.journal.history import read_history
from workers.journal.operations import Operation
from workers.journal.records import ClaimedJob, Step
from workers.journal.rows import step_of
from workers.journal.statements import Statements


@dataclass(frozen=True, slots=True)
class Claim(Operation["ClaimedJob | None"]):
    """Take a queued job: None when someone else has it, it is not its turn, or it is over."""

    job_id: str
    incarnation: str
    alone: bool = False  # this process runs nothing else: it may take a job that crashed others

    def apply(self, database: Database, statements: Statements) -> ClaimedJob | None:
        who = {"incarnation": self.incarnation, "alone": int(self.alone)}
        rows = database.rows(statements.claim, {"job_id": self.job_id, **who})
        if not rows:
            return None
        row = rows[0]
        journal: tuple[Step, ...] = ()
        started: frozenset[int] = frozenset()
        if row["steps"]:
            begun = database.rows(statements.tool_starts, {"job_id": self.job_id})
            started = frozenset(start["number"] for start in begun)
            journal = tuple(step_of(step) for step in database.rows(statements.journal, {"job_id": self.job_id}))
        history: list[dict[str, Any]] = []
        if row["conversation_id"] is not None:
            history = read_history(database, statements, row["conversation_id"])
        return ClaimedJob(
            id=row["id"],
            agent=row["agent"],
            token=row["claim_token"],
            messages=json.loads(row["messages"]),
            conversation_id=row["conversation_id"],
            priority=row["priority"],
            deadline_ms=row["deadline"],
            claimed_at_ms=row["claimed_at"],
            enqueued_at_ms=row["enqueued_at"],
            yields=row["yields"],
            stream=bool(row["stream"]),
            metadata=row["metadata"],
            steps=journal,
            history=history,
            started=started,
        )

    def refused(self, error: Exception) -> None:
        """Another job of the conversation was claimed in the same moment: that one's end wakes this one."""
