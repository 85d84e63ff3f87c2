"""The worker processes and their supervisors, as SQL shows them."""

from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select

from shared.db.tables import incarnations, supervisors
from shared.errors import ServiceError
from shared.settings import DEAD_AFTER_SECONDS
from watchkeeper.clock import db_now

READY: Final = "ready"
NO_SUPERVISOR: Final = "no supervisor is running: `watchkeeper worker`, or everything with `watchkeeper up`"
_DAY_MS: Final = 24 * 3600 * 1000
_SILENT_MS: Final = int(DEAD_AFTER_SECONDS * 1000)
_FORGOTTEN_MS: Final = 3600 * 1000
_SHOWN: Final = 10
_IN_ORDER: Final = "stopped"


class NoSuchWorker(ServiceError):
    """The id names no worker, more than one, or one that cannot be told anything."""


def list_workers(connection: Connection, *, ended: bool = False) -> list[dict[str, Any]]:
    """The living, the oldest first; with `ended` also those that ended within the last day.

    Ages are milliseconds on the database's clock; `age_ms` of the ended is how long they lived. `state` is starting,
    ready, draining, silent (its heartbeat stands still), ended or crashed; `why` says why it ended or is replaced.
    """
    table = incarnations.c
    lives = table.ended_at.is_(None)
    wanted = or_(lives, table.ended_at > db_now() - _DAY_MS) if ended else lives
    rows = connection.execute(
        select(
            incarnations,
            (func.coalesce(table.ended_at, db_now()) - table.started_at).label("age_ms"),
            (db_now() - table.heartbeat_at).label("heartbeat_age_ms"),
        )
        .where(wanted)
        .order_by(table.started_at, table.id)
    )
    return [_worker(row) for row in rows]


def list_supervisors(connection: Connection, workers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The supervisors that did not end, with how many of `workers` are ready of those they keep."""
    rows = connection.execute(
        select(
            supervisors.c.id,
            supervisors.c.host,
            supervisors.c.pid,
            supervisors.c.processes,
            supervisors.c.threads,
            (db_now() - supervisors.c.started_at).label("age_ms"),
            (db_now() - supervisors.c.heartbeat_at).label("heartbeat_age_ms"),
        )
        # A host that is gone for good never signs off: after an hour it is history.
        .where(supervisors.c.ended_at.is_(None), supervisors.c.heartbeat_at > db_now() - _FORGOTTEN_MS)
        .order_by(supervisors.c.started_at, supervisors.c.id)
    ).mappings()
    return [
        {
            **row,
            "ready": sum(
                worker["supervisor"] == row["id"] and worker["state"] == READY and worker["alone_with"] is None
                for worker in workers
            ),
            "silent": row["heartbeat_age_ms"] > _SILENT_MS,
        }
        for row in rows
    ]


def find_worker(connection: Connection, text: str) -> dict[str, Any]:
    """The one worker whose id is or begins with `text`; the living before the ended.

    Raises:
        NoSuchWorker: none, several, or one that ended.
    """
    found = _called(text, list_workers(connection, ended=True))
    alive = [worker for worker in found if worker["ended_at"] is None]
    if len(alive) == 1:
        return alive[0]
    if len(alive) > 1:
        ids = ", ".join(worker["id"] for worker in alive[:_SHOWN])
        raise NoSuchWorker(f"{text!r} fits more than one worker: {ids}")
    if found:
        raise NoSuchWorker(f"worker {found[-1]['id']} ended already: {found[-1]['why'] or 'no reason is known'}")
    raise NoSuchWorker(f"there is no worker {text[:60]!r}: see `watchkeeper workers ls`")


def choose_supervisor(found: list[dict[str, Any]], *, id: str | None, host: str | None) -> dict[str, Any]:
    """The one of `found` that `id` (or its beginning) or `host` names; the only one when neither is given.

    Raises:
        NoSuchWorker: none, or several; lists them.
    """
    fitting = [supervisor for supervisor in found if host in (None, supervisor["host"])]
    if id is not None:
        fitting = _called(id, fitting)
    if len(fitting) == 1:
        return fitting[0]
    if not found:
        raise NoSuchWorker(NO_SUPERVISOR)
    known = ", ".join(f"{supervisor['id'][:8]} on {supervisor['host']}" for supervisor in (fitting or found)[:_SHOWN])
    if not fitting:
        raise NoSuchWorker(f"no supervisor fits: there is {known}")
    raise NoSuchWorker(f"say which supervisor, with --supervisor or --host: {known}")


def _called(text: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those whose id is `text`; when there is none, those whose id begins with it."""
    part = text.strip().lower()
    exact = [row for row in rows if row["id"].lower() == part]
    return exact or [row for row in rows if part and row["id"].lower().startswith(part)]


def _worker(row: Row[Any]) -> dict[str, Any]:
    worker = dict(row._mapping)
    worker["why"] = _why(row)
    worker["state"] = _state(row)
    return worker


def _why(row: Row[Any]) -> str | None:
    if row.ended_at is None or (row.recycle_why and not row.crashed and row.ended_why == _IN_ORDER):
        return row.recycle_why  # type: ignore[no-any-return]  # the reason it was told to end, not that it did
    return row.ended_why  # type: ignore[no-any-return]


def _state(row: Row[Any]) -> str:
    if row.ended_at is not None:
        return "crashed" if row.crashed else "ended"
    if row.heartbeat_age_ms > _SILENT_MS:
        return "silent"
    return str(row.state) if row.heartbeat > 0 or row.state != READY else "starting"
