"""`watchkeeper workers recycle|drain|stop|scale`: orders to supervisors, through Redis."""

import time
from typing import Any, Final

import click

from console.author import author
from console.cli.opening import Opened, opened
from console.cli.output import json_option, say, show
from console.workers import (
    NO_SUPERVISOR,
    NoSuchWorker,
    choose_supervisor,
    find_worker,
    list_supervisors,
    list_workers,
)
from shared.db.reading import reading
from shared.redis.connect import redis_problems
from shared.supervision.orders import MAX_PROCESSES, Action, Order, send_order

_PATIENCE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05
_TIMEOUT: Final = 6

_why_option: Final = click.option("--why", default="by hand", show_default=True, help="Stored and shown.")
_id_argument: Final = click.argument("worker_id", metavar="ID")


@click.command()
@click.argument("worker_id", metavar="[ID]", required=False)
@click.option("--all", "everyone", is_flag=True, help="All workers of all supervisors, one by one.")
@_why_option
@json_option
def recycle(worker_id: str | None, everyone: bool, why: str, as_json: bool) -> None:
    """Replace a worker: the new one is ready before the old one drains."""
    if everyone == (worker_id is not None):
        raise click.UsageError("name one worker, or --all")
    if worker_id is not None:
        _order_one(Action.RECYCLE, worker_id, why, as_json=as_json)
        return
    with opened() as stores:
        owners = _supervisors(stores)
        if not owners:
            raise NoSuchWorker(NO_SUPERVISOR)
        for owner in owners:
            _send(stores, owner["id"], Order(Action.ROLL, why=why, by=author()))
    asked = [{"supervisor": owner["id"], "host": owner["host"], "workers": owner["ready"]} for owner in owners]
    _asked(as_json, {"asked": Action.ROLL, "supervisors": asked})


@click.command()
@_id_argument
@_why_option
@json_option
def drain(worker_id: str, why: str, as_json: bool) -> None:
    """Let a worker finish what it runs and end; it is not replaced until the next `scale`."""
    _order_one(Action.DRAIN, worker_id, why, as_json=as_json)


@click.command()
@_id_argument
@_why_option
@json_option
def stop(worker_id: str, why: str, as_json: bool) -> None:
    """As drain, but its jobs go to others at once, at their last finished step."""
    _order_one(Action.STOP, worker_id, why, as_json=as_json)


@click.command()
@click.argument("processes", metavar="N", type=click.IntRange(0, MAX_PROCESSES))
@click.option("--supervisor", "supervisor_id", metavar="ID", help="Which one, when there are several.")
@click.option("--host", help="The supervisor on this host.")
@_why_option
@json_option
def scale(processes: int, supervisor_id: str | None, host: str | None, why: str, as_json: bool) -> int:
    """Let a supervisor keep N workers, until it is restarted."""
    with opened() as stores:
        owner = choose_supervisor(_supervisors(stores), id=supervisor_id, host=host)
        _send(stores, owner["id"], Order(Action.SCALE, why=why, by=author(), processes=processes))
        obeyed = _await_scaled(stores, owner["id"], processes)
    data = {"asked": Action.SCALE, "supervisor": owner["id"], "processes": processes, "obeyed": obeyed}
    where = f"supervisor {owner['id'][:8]} on {owner['host']}"
    words = f"{where} keeps {processes} workers from now on: see `watchkeeper workers ls`"
    if not obeyed:
        words = f"asked, but {where} has not obeyed within {_PATIENCE_SECONDS:g} s: is it alive, and on this Redis?"
    show(as_json, data, lambda: None)
    if not as_json:
        say(words)
    return 0 if obeyed else _TIMEOUT


def _order_one(action: Action, text: str, why: str, *, as_json: bool) -> None:
    with opened() as stores:
        with reading(stores.engine) as connection:
            worker = find_worker(connection, text)
        if worker["supervisor"] is None:
            raise NoSuchWorker(_without_supervisor(action, worker))
        if action is Action.RECYCLE and worker["alone_with"] is not None:
            raise NoSuchWorker(
                f"worker {worker['id']} runs only job {worker['alone_with']}, and ends with it: there is nothing to "
                "replace; `watchkeeper workers stop` gives that job back, `watchkeeper jobs cancel` ends it"
            )
        if worker["supervisor"] not in {owner["id"] for owner in _supervisors(stores)}:
            raise NoSuchWorker(
                f"the supervisor of worker {worker['id']} on {worker['host']} is not heard any more, so nobody takes "
                "this order: see `watchkeeper workers ls`; when the host is lost its jobs go to others by themselves"
            )
        order = Order(action, why=why, by=author(), incarnation=worker["id"])
        _send(stores, worker["supervisor"], order)
    data = {"asked": action, "worker": worker["id"], "host": worker["host"], "pid": worker["pid"]}
    _asked(as_json, {**data, "supervisor": worker["supervisor"]})


def _without_supervisor(action: Action, worker: dict[str, Any]) -> str:
    command = f"`kill -TERM {worker['pid']}` on {worker['host']}"
    end = {
        Action.RECYCLE: f"start another one there, then end it with {command}",
        Action.DRAIN: f"drain it with {command}",
        Action.STOP: f"end it with {command}, given twice",
    }[action]
    return f"worker {worker['id']} was started without a supervisor, so nobody takes this order: {end}"


def _supervisors(stores: Opened) -> list[dict[str, Any]]:
    with reading(stores.engine) as connection:
        found = list_supervisors(connection, list_workers(connection))
    return [supervisor for supervisor in found if not supervisor["silent"]]


def _send(stores: Opened, supervisor: str, order: Order) -> None:
    with redis_problems(stores.settings.locations.redis_url):
        send_order(stores.redis, supervisor, order)


def _await_scaled(stores: Opened, supervisor: str, processes: int) -> bool:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if any(found["id"] == supervisor and found["processes"] == processes for found in _supervisors(stores)):
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _asked(as_json: bool, data: dict[str, Any]) -> None:
    show(as_json, data, lambda: None)
    if not as_json:
        say("asked: see `watchkeeper workers ls`")
