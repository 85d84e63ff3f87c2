"""Operations beside the jobs: the worker's heartbeat, the story of a key, and what happened to a job before."""

import json
from dataclasses import asdict, dataclass

from shared.keystate import ledger
from shared.keystate.standing import Standing
from workers.journal.database import Database
from workers.journal.operations import Operation
from workers.journal.statements import Statements


@dataclass(frozen=True, slots=True)
class CountEvents(Operation[int]):
    """How often something unusual happened to a job since it was last retried."""

    job_id: str
    event: str

    def apply(self, database: Database, statements: Statements) -> int:
        return int(database.rows(statements.count_events, asdict(self))[0]["events"])


@dataclass(frozen=True, slots=True)
class TellKeyEvent(Operation[None]):
    """A subject was set aside, or serves again: into the story, and into what is restored after a wipe of Redis."""

    subject: str
    event: str
    standing: Standing
    label: str
    told_by: str

    def apply(self, database: Database, statements: Statements) -> None:
        stored = {
            "subject": self.subject,
            "since_ms": self.standing.since_ms,
            "standing": self.standing.to_json(),
        }
        if self.event == ledger.SET_ASIDE:
            database.run(statements.remember_standing, stored)
        else:
            database.run(statements.forget_standing, {"gone": self.subject, "gone_since": self.standing.since_ms})
        database.run(
            statements.tell_key_event,
            {
                **stored,
                "event": self.event,
                "state": self.standing.state.value,
                "cause": self.standing.cause,
                "label": self.label,
                "told_by": self.told_by,
            },
        )


@dataclass(frozen=True, slots=True)
class Heartbeat(Operation[bool]):
    """Say that this incarnation lives, and how it is. False: it was given up, its jobs are with others."""

    incarnation: str
    generation: int
    running: int
    jobs_done: int
    rss_mb: int
    connections: int
    loop_lag_ms: int
    draining: bool

    def apply(self, database: Database, statements: Statements) -> bool:
        # Never back to ready: whoever ordered the drain may have written it before this process heard of it.
        stored = {**asdict(self), "state": "draining" if self.draining else None}
        return database.run(statements.heartbeat, stored) == 1


@dataclass(frozen=True, slots=True)
class CancelsAsked(Operation[dict[str, int]]):
    """Which of these jobs were told to stop while this incarnation runs them: their claim tokens by job id."""

    incarnation: str
    job_ids: tuple[str, ...]

    def apply(self, database: Database, statements: Statements) -> dict[str, int]:
        asked = {"incarnation": self.incarnation, "ids": json.dumps(self.job_ids)}
        return {row["id"]: row["claim_token"] for row in database.rows(statements.cancels_asked, asked)}
