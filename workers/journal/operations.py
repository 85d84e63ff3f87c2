"""What the writer can be asked to do. Each operation may be repeated: a commit whose answer got lost is no harm."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.sound_text import storable
from watchkeeper.contract import wake_score
from watchkeeper.states import JobState
from workers.journal.database import Database
from workers.journal.records import Attempt, ClaimedJob, LostClaim, Step
from workers.journal.rows import add_rows
from workers.journal.statements import Statements

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wake:
    """A job that became ready through this operation: announce it once committed."""

    job_id: str
    score: float


class Operation(ABC, Generic[T]):
    """One unit of the writer. `apply` runs inside the writer's transaction, perhaps more than once."""

    @abstractmethod
    def apply(self, database: Database, statements: Statements) -> T:
        """Do it, or raise; the transaction is the writer's."""

    def refused(self, error: Exception) -> T:
        """The outcome when a unique rule refused the operation; by default the error itself is raised."""
        raise error


@dataclass(frozen=True, slots=True)
class RecordSteps(Operation[bool]):
    """Write finished steps and the attempts that led to them. Returns whether a cancel was asked for.

    Raises:
        LostClaim: the job is no longer ours; nothing was written.
    """

    job: ClaimedJob
    steps: tuple[Step, ...]
    attempts: tuple[Attempt, ...]

    def apply(self, database: Database, statements: Statements) -> bool:
        last = {"job_id": self.job.id, "number": self.steps[-1].number}
        rows = database.rows(statements.advance, {**_ours(self.job), **last, "more": len(self.steps)})
        if rows:
            add_rows(database, statements, self.job, self.steps, self.attempts)
            return bool(rows[0]["cancel_requested"])
        standing = database.rows(statements.standing, {"job_id": self.job.id})
        if standing and standing[0]["claim_token"] == self.job.token:
            there = database.rows(statements.written_by, last)
            if there and there[0]["claim_token"] == self.job.token:
                return bool(standing[0]["cancel_requested"])  # written before, its answer got lost
        raise LostClaim(self.job.id)


@dataclass(frozen=True, slots=True)
class StartTool(Operation[None]):
    """Note that the tool of step `number`, which must not act twice, begins now.

    Raises:
        LostClaim: the job is no longer ours; the tool must not begin.
    """

    job: ClaimedJob
    number: int
    tool: str

    def apply(self, database: Database, statements: Statements) -> None:
        place = {"job_id": self.job.id, "number": self.number}
        if database.run(statements.start_tool, {**_ours(self.job), **place, "tool": self.tool}):
            return
        standing = database.rows(statements.standing, {"job_id": self.job.id})
        there = database.rows(statements.started_by, place)
        ours = standing and (standing[0]["claim_token"], standing[0]["state"]) == (self.job.token, JobState.RUNNING)
        if not (ours and there and there[0]["claim_token"] == self.job.token):
            raise LostClaim(self.job.id)


@dataclass(frozen=True, slots=True)
class Finish(Operation["Wake | None"]):
    """The one final result, with the last steps. Returns the next job of its conversation, if one waits.

    Raises:
        LostClaim: the job is no longer ours; nothing was written.
    """

    job: ClaimedJob
    state: JobState
    steps_done: int
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    result: dict[str, Any] | None = None
    error_cause: str | None = None
    error_message: str | None = None

    def apply(self, database: Database, statements: Statements) -> Wake | None:
        changed = database.run(
            statements.finish,
            {
                **_ours(self.job),
                "state": self.state.value,
                "steps": self.steps_done,
                "result": None if self.result is None else json.dumps(self.result),
                "error_cause": self.error_cause,
                "error_message": None if self.error_message is None else storable(self.error_message),
            },
        )
        if changed:
            add_rows(database, statements, self.job, self.steps, self.attempts)
        else:
            standing = database.rows(statements.standing, {"job_id": self.job.id})
            finished_by_us = standing and (standing[0]["claim_token"], standing[0]["state"]) == (
                self.job.token,
                self.state.value,
            )
            if not finished_by_us:
                raise LostClaim(self.job.id)
        if self.job.conversation_id is None:
            return None
        waiting = database.rows(statements.next_in_conversation, {"conversation_id": self.job.conversation_id})
        return (
            Wake(waiting[0]["id"], wake_score(waiting[0]["priority"], waiting[0]["enqueued_at"])) if waiting else None
        )


@dataclass(frozen=True, slots=True)
class GiveBack(Operation[bool]):
    """Let go of a job that is not finished: until `run_after` (ms), or at once for another worker.

    Returns whether that was its end, because a cancel had been asked for.

    Raises:
        LostClaim: the job is no longer ours; nothing was written.
    """

    job: ClaimedJob
    state: JobState
    run_after: int | None
    event: str
    detail: str
    attempts: tuple[Attempt, ...] = ()
    yielded: bool = False

    def apply(self, database: Database, statements: Statements) -> bool:
        rows = database.rows(
            statements.give_back,
            {
                **_ours(self.job),
                "state": self.state.value,
                "run_after": self.run_after,
                "yielded": int(self.yielded),
            },
        )
        if not rows:
            return self._given_back_before(database, statements)
        add_rows(database, statements, self.job, (), self.attempts)
        cancelled = bool(rows[0]["cancel_requested"])
        event, detail = ("cancelled", "as it was given back") if cancelled else (self.event, storable(self.detail))
        database.run(statements.add_event, {"job_id": self.job.id, "event": event, "detail": detail})
        return cancelled

    def _given_back_before(self, database: Database, statements: Statements) -> bool:
        """An answer got lost in an outage, or the claim did."""
        standing = database.rows(statements.standing, {"job_id": self.job.id})
        if standing and standing[0]["claim_token"] == self.job.token:
            if standing[0]["state"] == JobState.CANCELLED:
                return True
            if standing[0]["state"] == self.state.value:
                return False
        raise LostClaim(self.job.id)


def _ours(job: ClaimedJob) -> dict[str, Any]:
    return {"job_id": job.id, "token": job.token}
