"""What a job was doing when its worker crashed, in words for the person who has to look."""

import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, select, update

from shared.clock import moment
from shared.db.tables import job_events, jobs, steps, tool_starts
from watchkeeper.clock import db_now

_TOLD: Final = 5  # crashes named in the error; the job's story has them all


@dataclass(frozen=True, slots=True)
class Crash:
    """One worker that ended badly with the job in hand. `ended_at` in ms."""

    incarnation: str
    ended_at: int
    why: str | None
    alone: bool
    doing: str

    def words(self) -> str:
        """In one line."""
        where = "alone in worker" if self.alone else "worker"
        at = moment(self.ended_at).isoformat(timespec="seconds")
        return f"{at} {where} {self.incarnation}: {self.why or 'ended without a word'}; {self.doing}"


def doing_at_crash(connection: Connection, reached: dict[str, int]) -> dict[str, str]:
    """What each job had begun behind its finished steps, by job id; `reached` says how many those are."""
    if not reached:
        return {}
    begun: dict[str, list[str]] = {}
    unfinished = (
        select(tool_starts.c.job_id, tool_starts.c.tool)
        .outerjoin(steps, and_(steps.c.job_id == tool_starts.c.job_id, steps.c.number == tool_starts.c.number))
        .where(tool_starts.c.job_id.in_(reached), steps.c.number.is_(None))
    )
    for row in connection.execute(unfinished):
        begun.setdefault(row.job_id, []).append(row.tool)
    last = (
        select(steps.c.job_id, func.max(steps.c.number).label("number"))
        .where(steps.c.job_id.in_(reached), steps.c.kind == "llm")
        .group_by(steps.c.job_id)
        .subquery()
    )
    replies: dict[str, tuple[int, str]] = {
        row.job_id: (row.number, row.result)
        for row in connection.execute(
            select(steps.c.job_id, steps.c.number, steps.c.result).join(
                last, and_(last.c.job_id == steps.c.job_id, last.c.number == steps.c.number)
            )
        )
    }
    return {
        job_id: f"after {done} finished steps, {_doing(begun.get(job_id, []), replies.get(job_id), done)}"
        for job_id, done in reached.items()
    }


def _doing(started: list[str], reply: tuple[int, str] | None, done: int) -> str:
    if started:
        return f"in its tool {', '.join(started)}"
    if reply is None:
        return "in its first LLM call"
    number, result = reply
    message: dict[str, Any] = json.loads(result)["message"]
    asked = [str(call["function"]["name"]) for call in message.get("tool_calls") or []]
    if asked and done < number + len(asked):
        return f"in its tools ({', '.join(asked)})"
    return "in its next LLM call"


def poisoned(connection: Connection, job_id: str) -> None:
    """Write down why the job runs no more."""
    of_job = job_events.c.job_id == job_id
    crashes = (
        connection.execute(
            select(job_events.c.detail)
            .where(of_job, job_events.c.event == "crashed")
            .order_by(job_events.c.id.desc())
        )
        .scalars()
        .all()
    )
    told = "\n".join(f"- {detail}" for detail in reversed(crashes[:_TOLD]))
    message = (
        f"workers crashed with this job in hand {len(crashes)} times, at last alone in a process of its own:\n"
        f"{told}\n"
        "Look at what it was doing there; then `watchkeeper jobs retry` begins anew."
    )
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(error_message=message))
    connection.execute(
        insert(job_events).values(job_id=job_id, at=db_now(), event="poisoned", detail="it runs no more")
    )
