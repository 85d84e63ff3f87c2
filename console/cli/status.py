"""`watchkeeper status`: everything on one screen."""

import click

from console.cli.opening import require_home
from console.cli.output import json_option, say, show
from console.cli.quiet import quiet_logs
from console.keys import view_fleet
from console.spans import in_words
from console.status import Status, judge, read_sql
from shared.db.problems import translated
from shared.db.reading import reading
from shared.errors import RedisUnavailable, StoreError
from shared.keystate.store import FleetView
from shared.redis.connect import connect_redis, redis_problems
from shared.settings import Settings, load_settings
from shared.stores import open_database
from watchkeeper.errors import StoreUnavailable


@click.command(epilog="Exit codes: 0 fine, 3 Redis or SQL away, 4 degraded, 5 nothing can be served.")
@json_option
def status(as_json: bool) -> int:
    """Everything on one screen: stores, scheduler, workers, jobs, configuration, keys."""
    quiet_logs()
    found = read_status(load_settings())
    code, reasons = judge(found)
    show(as_json, found.as_data(), lambda: _print(found))
    if not as_json:
        for reason in reasons:
            say(f"! {reason}")
    return code


def read_status(settings: Settings) -> Status:
    """What both stores tell; one that is away is told as such."""
    found = Status()
    view = _read_redis(settings, found)
    try:
        require_home(settings)
        engine = open_database(settings, name="watchkeeper-cli", pool_size=1)
        try:
            with translated(engine.url), reading(engine) as connection:
                read_sql(connection, found, view)
        finally:
            engine.dispose()
    except (StoreError, StoreUnavailable) as error:
        found.sql = str(error)
    return found


def _read_redis(settings: Settings, found: Status) -> FleetView | None:
    url = settings.locations.redis_url
    client = connect_redis(url, connections=1)
    try:
        with redis_problems(url):
            client.ping()
        return view_fleet(client)
    except RedisUnavailable as error:
        found.redis = str(error)
        return None
    finally:
        client.close()


def _print(found: Status) -> None:
    lines = [("SQL", "ok" if found.sql == "ok" else "AWAY"), ("Redis", "ok" if found.redis == "ok" else "AWAY")]
    if found.sql == "ok":
        lines += [
            ("scheduler", f"{found.leader} leads" if found.leader else "NONE"),
            ("workers", _workers(found)),
            ("jobs", ", ".join(f"{count} {state}" for state, count in sorted(found.jobs.items())) or "none"),
            ("oldest queued", "-" if found.oldest_queued_ms is None else in_words(found.oldest_queued_ms)),
            ("generation", _generation(found)),
        ]
        lines += [
            (f"keys {name}", f"{counts['ready']} of {counts['of']} ready" if not counts["unknown"] else "unknown")
            for name, counts in sorted(found.keys.items())
        ]
        lines += [
            (f"agent {agent.agent}", f"{agent.ready} of {agent.candidates} ways to ask are ready")
            if found.redis == "ok"
            else (f"agent {agent.agent}", "unknown")
            for agent in found.agents
        ]
    for name, words in lines:
        click.echo(f"{name:<20} {words}")
    if found.sandbox_in_use:
        click.echo(f"{'sandbox':<20} IN USE: answers are made up; `watchkeeper keys add` a real key")


def _workers(found: Status) -> str:
    running = sum(worker["running"] for worker in found.workers)
    kept = ""
    if found.supervisors:
        ready = sum(owner["ready"] for owner in found.supervisors)
        kept = f", {ready} of {sum(owner['processes'] for owner in found.supervisors)} supervised ones ready"
    return f"{len(found.workers)} alive{kept}, {running} jobs in their hands"


def _generation(found: Status) -> str:
    workers = sorted({str(worker["generation"]) for worker in found.workers})
    in_redis = "-" if found.generation_in_redis is None else found.generation_in_redis
    return f"SQL {found.generation}, Redis {in_redis}, workers {', '.join(workers) or '-'}"
