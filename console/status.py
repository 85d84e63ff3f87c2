"""The state of everything on one screen, and what it amounts to: fine, degraded, emergency, or stores away."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, func, select

from console.keys import UNKNOWN, list_keys
from console.readiness import Readiness, readiness
from console.workers import list_supervisors, list_workers
from shared.config.catalogue import SANDBOX
from shared.config.publishing import load_newest
from shared.db.tables import jobs, leases
from shared.keystate.standing import KeyState
from shared.keystate.store import FleetView
from watchkeeper.clock import db_now
from watchkeeper.states import JobState

OK: Final = 0
AWAY: Final = 3
DEGRADED: Final = 4
EMERGENCY: Final = 5


@dataclass(slots=True)
class Status:
    """What was found. Fields of SQL keep their defaults while `sql` is an error; the same for Redis."""

    sql: str = "ok"
    redis: str = "ok"
    leader: str | None = None
    workers: list[dict[str, Any]] = field(default_factory=list)
    supervisors: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    oldest_queued_ms: int | None = None
    generation: int = 0
    generation_in_redis: int | None = None
    keys: dict[str, dict[str, int]] = field(default_factory=dict)
    agents: list[Readiness] = field(default_factory=list)
    sandbox_in_use: bool = False

    def as_data(self) -> dict[str, Any]:
        """For JSON, with the judgement."""
        code, reasons = judge(self)
        return {**asdict(self), "exit_code": code, "reasons": reasons}


def read_sql(connection: Connection, status: Status, view: FleetView | None) -> None:
    """Fill in what SQL (and `view`, what Redis said) tells."""
    status.leader = connection.execute(
        select(leases.c.holder).where(leases.c.name == "scheduler", leases.c.expires_at > db_now())
    ).scalar_one_or_none()
    status.workers = list_workers(connection)
    status.supervisors = list_supervisors(connection, status.workers)
    status.jobs = dict(connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state)).all())
    status.oldest_queued_ms = connection.execute(
        select(db_now() - func.min(jobs.c.enqueued_at)).where(jobs.c.state == JobState.QUEUED)
    ).scalar_one_or_none()
    snapshot = load_newest(connection)
    status.generation = snapshot.generation
    status.generation_in_redis = view.generation if view else None
    for key in list_keys(connection, view):
        if key.state != KeyState.DISABLED:
            counts = status.keys.setdefault(key.provider, {"ready": 0, "of": 0, "unknown": 0})
            counts["of"] += 1
            counts["ready"] += key.state == KeyState.READY
            counts["unknown"] += key.state == UNKNOWN
    status.agents = readiness(snapshot, view.standings if view else {}, view.now_ms if view else 0)
    status.sandbox_in_use = SANDBOX in snapshot.providers


def judge(status: Status) -> tuple[int, list[str]]:
    """The exit code, and why it is not 0."""
    away = [words for words in (status.sql, status.redis) if words != "ok"]
    if away:
        return AWAY, away
    emergency = (
        [] if any(agent.ready for agent in status.agents) else ["nothing can be served: no model with a ready key"]
    )
    degraded = []
    if status.leader is None:
        degraded.append("no scheduler leads: `watchkeeper scheduler`, or everything with `watchkeeper up`")
    if not status.workers:
        degraded.append("no worker is running: `watchkeeper worker`, or everything with `watchkeeper up`")
    degraded += [
        f"{owner['ready']} of {owner['processes']} workers of {owner['host']} are ready: see `watchkeeper workers ls`"
        for owner in status.supervisors
        if owner["ready"] < owner["processes"]
    ]
    degraded += [
        f"agent {agent.agent} has nobody who can serve it now: see `watchkeeper keys ls`"
        for agent in status.agents
        if not agent.ready and not emergency
    ]
    degraded += [
        f"{counts['of'] - counts['ready']} of {counts['of']} keys of {provider} are aside: see `watchkeeper keys ls`"
        for provider, counts in status.keys.items()
        if counts["ready"] < counts["of"]
    ]
    if status.generation != (status.generation_in_redis or 0):
        degraded.append(
            f"Redis names generation {status.generation_in_redis or 'none'}, SQL {status.generation}: "
            "the scheduler mends it"
        )
    behind = [worker for worker in status.workers if worker["generation"] not in (None, status.generation)]
    if behind:
        degraded.append(f"{len(behind)} workers are not on generation {status.generation} yet")
    code = EMERGENCY if emergency else DEGRADED if degraded else OK
    return code, emergency + degraded
