"""One job through the real queue, shown from end to end; and an agent with tools to play with."""

from dataclasses import dataclass
from typing import Final

import click
from sqlalchemy import Connection, Engine, select

from console.author import author
from console.editing import apply_edit
from console.local.up import Up
from console.story import Story, read_story
from shared.config.editing_agents import AgentFields, add_agent
from shared.db.reading import reading
from shared.db.tables import agents
from shared.errors import ServiceError
from shared.redis.connect import connect_redis
from shared.settings import Settings
from watchkeeper.client import Client
from watchkeeper.engine import build_engine
from watchkeeper.errors import JobTimeout
from watchkeeper.states import JobState

_SECONDS: Final = 60.0
_SLICE_SECONDS: Final = 0.3
_QUESTION: Final = "In one sentence: what does a night watch on a ship do?"
_RESEARCHER: Final = "researcher"
_PROMPT: Final = (
    "You answer questions about ships. Look into the ship's library before you answer, and name the page."
)


def run_demo(settings: Settings, up: Up) -> int:
    """Enqueue, wait, print answer and timeline. 0 = it completed; 1 also when it was interrupted; 6 = timeout."""
    locations = settings.locations
    with Client(locations.database_url, locations.redis_url) as client:
        job = client.enqueue("default", _QUESTION, metadata={"from": "watchkeeper up --demo"})
        click.echo(f"job {job.id} enqueued for agent default", err=True)
        for _ in range(int(_SECONDS / _SLICE_SECONDS)):
            try:
                job = client.wait(job.id, timeout=_SLICE_SECONDS)
                break
            except JobTimeout:
                if not up.watch():
                    return 1
        else:
            click.echo(f"the job did not end within {_SECONDS:g} s: see the lines above", err=True)
            return 6
        engine: Engine = build_engine(locations.database_url, pool_size=1)
        with reading(engine) as connection:
            _show(read_story(connection, job.id), simulated=up.simulated)
        engine.dispose()
    return 0 if job.state is JobState.COMPLETED else 1


@dataclass(frozen=True, slots=True)
class Researcher:
    """The demo's agent: with the sandbox's two tools, on the default models, so that a real key serves it too."""

    tools: tuple[str, ...]

    def add(self, settings: Settings) -> bool:
        """Add it where it is not there yet; false = it cannot be added now, which hinders nothing else."""
        locations = settings.locations
        engine = build_engine(locations.database_url, pool_size=1, application_name="watchkeeper-demo")
        client = connect_redis(locations.redis_url, connections=1)
        try:
            apply_edit(engine, client, self._edit, author=author())
        except ServiceError as error:
            click.echo(f"the agent {_RESEARCHER} could not be added: {error}", err=True)
            return False
        finally:
            client.close()
            engine.dispose()
        return True

    def _edit(self, connection: Connection) -> list[str]:
        if connection.execute(select(agents.c.name).where(agents.c.name == _RESEARCHER)).first():
            return [f"agent {_RESEARCHER} is there"]
        fields: AgentFields = {"system_prompt": _PROMPT, "tools": list(self.tools)}
        add_agent(connection, _RESEARCHER, fields)
        return [f"agent {_RESEARCHER} added by the demo"]


def _show(story: Story, *, simulated: bool) -> None:
    began = story.job["enqueued_at"]
    click.echo("")
    click.echo(f"question   {story.job['messages'][-1]['content']}")
    click.echo(f"answer     {story.job['result']['text'] if story.job['result'] else story.job['error_message']}")
    click.echo("timeline")
    for moment in story.timeline:
        click.echo(f"  {moment.at_ms - began:>7} ms  {moment.what:<14} {moment.detail}")
    if simulated:
        click.echo(
            "\nSIMULATED: no real key is configured, so the provider was the local sandbox; database, queue, worker "
            "and HTTP were real.\nPut for example GROQ_API_KEY=... into .env: it is used within seconds, no restart."
        )
    click.echo("")
