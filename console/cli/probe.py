"""`watchkeeper probe`: a health check for containers and service managers; exit 0 or 1, one line on stderr."""

import socket
from typing import Final

import click
from sqlalchemy import Select, func, or_, select

from console.cli.opening import opened
from shared.db.reading import reading
from shared.db.tables import incarnations, leases, supervisors
from shared.settings import DEAD_AFTER_SECONDS
from watchkeeper.clock import db_now

_FRESH_MS: Final = int(DEAD_AFTER_SECONDS * 1000)


@click.group()
def probe() -> None:
    """Health checks: exit 0 = healthy, 1 = not, 3 = SQL does not answer."""


@probe.command()
def worker() -> int:
    """Does a worker of this host take jobs, and is its supervisor alive: heartbeats within 15 s?"""
    host = socket.gethostname()
    watched = (
        select(supervisors.c.id)
        .where(
            supervisors.c.id == incarnations.c.supervisor,
            supervisors.c.ended_at.is_(None),
            supervisors.c.heartbeat_at > db_now() - _FRESH_MS,
        )
        .exists()
    )
    ready = _count(
        select(func.count())
        .select_from(incarnations)
        .where(
            incarnations.c.host == host,
            incarnations.c.ended_at.is_(None),
            incarnations.c.heartbeat > 0,
            incarnations.c.heartbeat_at > db_now() - _FRESH_MS,
            incarnations.c.state == "ready",
            incarnations.c.alone_with.is_(None),
            or_(incarnations.c.supervisor.is_(None), watched),
        )
    )
    ill = f"no worker of {host} takes jobs, or its supervisor is silent: see the log of `watchkeeper worker`"
    return _tell(ready, f"{ready} worker(s) of {host} take jobs", ill)


@probe.command()
def scheduler() -> int:
    """Does a scheduler lead, here or elsewhere?"""
    leading = _count(select(func.count()).select_from(leases).where(leases.c.expires_at > db_now()))
    return _tell(leading, "a scheduler leads", "no scheduler leads: `watchkeeper scheduler`")


def _count(statement: Select[int]) -> int:
    with opened() as stores, reading(stores.engine) as connection:
        return int(connection.execute(statement).scalar_one())


def _tell(healthy: int, well: str, ill: str) -> int:
    click.echo(well if healthy else ill, err=True)
    return 0 if healthy else 1
