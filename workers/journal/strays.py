"""Operations for jobs that SQL says an incarnation runs, while it does not."""

from dataclasses import dataclass
from typing import Final

from watchkeeper.states import JobState
from workers.journal.database import Database
from workers.journal.operations import Operation
from workers.journal.statements import Statements

STRAY: Final = "stray"
_OFTEN: Final = 3


@dataclass(frozen=True, slots=True)
class HeldBy(Operation[dict[str, int]]):
    """The claim tokens of the jobs that this incarnation runs, by job id, as SQL has it."""

    incarnation: str

    def apply(self, database: Database, statements: Statements) -> dict[str, int]:
        found = database.rows(statements.held_by, {"incarnation": self.incarnation})
        return {row["id"]: row["claim_token"] for row in found}


@dataclass(frozen=True, slots=True)
class LetGo(Operation["JobState | None"]):
    """Queue a job again that is not run under claim `token`, or end it as dead when that happens again and again.

    Returns what it is now; None when that claim is over, which is also the answer to a repetition.
    """

    job_id: str
    token: int

    def apply(self, database: Database, statements: Statements) -> JobState | None:
        before = database.rows(statements.count_events, {"job_id": self.job_id, "event": STRAY})[0]["events"]
        ours = {"job_id": self.job_id, "token": self.token}
        if before >= _OFTEN:
            steps = len(database.rows(statements.journal, {"job_id": self.job_id}))
            why = f"its worker lost hold of it {before + 1} times: see the log events job.stray and job.surprise"
            dead = {"state": JobState.DEAD.value, "error_cause": "internal_error", "error_message": why}
            changed = database.run(statements.finish, {**ours, **dead, "steps": steps, "result": None})
            return JobState.DEAD if changed else None
        again = {"state": JobState.QUEUED.value, "run_after": None, "yielded": 0}
        rows = database.rows(statements.give_back, {**ours, **again})
        if not rows:
            return None
        detail = f"its worker did not run it under claim {self.token}"
        database.run(statements.add_event, {"job_id": self.job_id, "event": STRAY, "detail": detail})
        return JobState.CANCELLED if rows[0]["cancel_requested"] else JobState.QUEUED
