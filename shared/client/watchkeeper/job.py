"""A job as its backend sees it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from watchkeeper.clock import from_ms
from watchkeeper.contract import jobs
from watchkeeper.errors import JobFailed
from watchkeeper.states import JobState, Priority

JOB_COLUMNS = (
    # Everything but the messages: they may be megabytes, and the backend wrote them itself.
    jobs.c.id,
    jobs.c.agent,
    jobs.c.state,
    jobs.c.priority,
    jobs.c.conversation_id,
    jobs.c.idempotency_key,
    jobs.c.metadata,
    jobs.c.run_after,
    jobs.c.deadline,
    jobs.c.enqueued_at,
    jobs.c.started_at,
    jobs.c.finished_at,
    jobs.c.steps,
    jobs.c.result,
    jobs.c.error_cause,
    jobs.c.error_message,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The row as it was when it was read; `client.get(job.id)` reads it again. All times are UTC."""

    id: str
    agent: str
    state: JobState
    priority: Priority
    conversation_id: str | None
    idempotency_key: str | None
    metadata: dict[str, Any] | None
    run_after: datetime | None
    deadline: datetime | None
    enqueued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: int
    """Finished steps: one LLM reply or one tool result each."""
    result: dict[str, Any] | None
    """text, model, provider, usage, cost_usd and generation once completed; data with an output schema."""
    error_cause: str | None
    error_message: str | None
    duplicate: bool = False
    """Only from `enqueue`: the idempotency key was known, this is the job it made then."""

    @property
    def text(self) -> str | None:
        """The answer; None until the job is completed. A job failed with cause `invalid_output` keeps it, too."""
        text = (self.result or {}).get("text")
        return text if isinstance(text, str) else None

    @property
    def data(self) -> Any:
        """The answer's value, when the agent has an output schema and the job is completed; else None."""
        return (self.result or {}).get("data")

    def raise_for_state(self) -> "Job":
        """Itself; handy as `client.wait(id).raise_for_state().text`.

        Raises:
            JobFailed: the job ended as failed, cancelled or dead.
        """
        if self.state.final and self.state is not JobState.COMPLETED:
            raise JobFailed(self.id, self.state, self.error_cause, self.error_message)
        return self


def job_from_row(row: Row[*tuple[Any, ...]], *, duplicate: bool = False) -> Job:
    """The job in a row of `JOB_COLUMNS`."""
    values = dict(row._mapping)
    for name in ("run_after", "deadline", "enqueued_at", "started_at", "finished_at"):
        values[name] = from_ms(values[name])
    for name in ("metadata", "result"):
        values[name] = None if values[name] is None else json.loads(values[name])
    values["state"] = JobState(values["state"])
    values["priority"] = Priority(values["priority"])
    return Job(**values, duplicate=duplicate)
