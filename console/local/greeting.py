"""What `up` tells once its workers are ready: who answers, with which keys, and what to try."""

from typing import Final

import click
from sqlalchemy import Connection

from console.configuration import list_agents
from console.local.up import Up
from console.workers import READY, list_workers
from shared.config.publishing import load_newest
from shared.db.reading import reading
from shared.settings import Settings
from watchkeeper.engine import build_engine

_SECONDS: Final = 60.0
_PAUSE: Final = 0.2


def await_ready(settings: Settings, up: Up) -> None:
    """Return once the workers are ready and configured; after a minute, or once stopped, all the same."""
    engine = build_engine(settings.locations.database_url, pool_size=1, application_name="watchkeeper-up")
    try:
        for _ in range(int(_SECONDS / _PAUSE)):
            with reading(engine) as connection:
                if load_newest(connection).generation and _ready(connection) >= up.workers:
                    return
            if not up.watch():
                return
            up.pause(_PAUSE)
    finally:
        engine.dispose()


def greet(settings: Settings, *, researcher: bool) -> None:
    """Tell what stands, and what to try."""
    engine = build_engine(settings.locations.database_url, pool_size=1, application_name="watchkeeper-up")
    try:
        with reading(engine) as connection:
            lines = _standing(connection)
    finally:
        engine.dispose()
    for line in lines:
        click.echo(line, err=True)
    click.echo("watchkeeper is up; Ctrl-C ends it. In another terminal, after `. .venv/bin/activate`:", err=True)
    tries = ["watchkeeper status", 'watchkeeper run default "What is a dog watch?"']
    if researcher:
        tries.append('watchkeeper run researcher "What does a night watch do?" --stream')
    for words in tries:
        click.echo(f"  {words}", err=True)


def _ready(connection: Connection) -> int:
    return sum(worker["state"] == READY for worker in list_workers(connection))


def _standing(connection: Connection) -> list[str]:
    snapshot = load_newest(connection)
    keys = ", ".join(sorted(f"{key.label} ({key.source})" for key in snapshot.keys)) or "none yet"
    lines = [f"workers    {_ready(connection)} ready, generation {snapshot.generation}", f"keys       {keys}"]
    for agent in list_agents(connection):
        chain = " > ".join(agent["chain"]) or "nobody yet: `watchkeeper keys add`, or a key in .env"
        lines.append(f"agent      {agent['name']}: {chain}")
    return lines
