"""Rows of the service's tables: put there as a backend or a worker would, and read back."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Table, insert, select, update

from shared.db.reading import reading
from shared.db.tables import attempts, incarnations, job_events, jobs, steps
from watchkeeper.clock import db_now
from watchkeeper.contract import CONTRACT_VERSION
from watchkeeper.ids import IdMaker
from watchkeeper.states import JobState


@dataclass(frozen=True, slots=True)
class Rows:
    """One database, seen from outside the part under test."""

    engine: Engine

    def enqueue(self, count: int = 1, *, text: str = "hello", **values: Any) -> list[str]:
        """Queued jobs in one transaction, first in first out; `values` replace columns."""
        new_id = IdMaker()
        row = {
            "contract": CONTRACT_VERSION,
            "agent": "default",
            "state": JobState.QUEUED,
            "priority": 1,
            "messages": json.dumps([{"role": "user", "content": text}]),
        }
        made = [{"id": new_id(), **row, **values} for _ in range(count)]
        with self.engine.begin() as connection:
            now = connection.execute(select(db_now())).scalar_one()
            connection.execute(insert(jobs), [{"enqueued_at": now, **job} for job in made])
        return [job["id"] for job in made]

    def incarnation(self, id: str, **values: Any) -> str:
        """A worker that is believed alive."""
        row = {"host": "here", "pid": 1, "heartbeat": 1, "threads": 4, **values}
        with self.engine.begin() as connection:
            connection.execute(insert(incarnations).values(id=id, started_at=db_now(), heartbeat_at=db_now(), **row))
        return id

    def change_job(self, job_id: str, **values: Any) -> None:
        """Set columns of one job."""
        with self.engine.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))

    def change_incarnation(self, id: str, **values: Any) -> None:
        """Set columns of one incarnation."""
        with self.engine.begin() as connection:
            connection.execute(update(incarnations).where(incarnations.c.id == id).values(**values))

    def job(self, job_id: str) -> dict[str, Any]:
        """One job as stored."""
        with reading(self.engine) as connection:
            return dict(connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one())

    def all_jobs(self) -> list[dict[str, Any]]:
        """Every job, oldest first."""
        with reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(select(jobs).order_by(jobs.c.id)).mappings()]

    def steps(self, job_id: str) -> list[dict[str, Any]]:
        """The job's journal in order."""
        return self._of_job(steps, job_id, "number")

    def attempts(self, job_id: str) -> list[dict[str, Any]]:
        """The job's attempts in order."""
        return self._of_job(attempts, job_id, "id")

    def events(self, job_id: str) -> list[str]:
        """The unusual turns of the job, by name."""
        return [row["event"] for row in self._of_job(job_events, job_id, "id")]

    def alive(self) -> list[dict[str, Any]]:
        """Incarnations that did not end."""
        with reading(self.engine) as connection:
            found = connection.execute(select(incarnations).where(incarnations.c.ended_at.is_(None)))
            return [dict(row) for row in found.mappings()]

    def ended(self) -> list[dict[str, Any]]:
        """Incarnations that ended or were given up."""
        with reading(self.engine) as connection:
            found = connection.execute(select(incarnations).where(incarnations.c.ended_at.is_not(None)))
            return [dict(row) for row in found.mappings()]

    def _of_job(self, table: Table, job_id: str, order: str) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            found = connection.execute(select(table).where(table.c.job_id == job_id).order_by(table.c[order]))
            return [dict(row) for row in found.mappings()]
