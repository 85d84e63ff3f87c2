"""One job through the real queue, shown from end to end."""

import click
from sqlalchemy import Engine

from console.local.up import Up
from console.story import Story, read_story
from shared.db.reading import reading
from shared.settings import Settings
from watchkeeper.client import Client
from watchkeeper.engine import build_engine
from watchkeeper.errors import JobTimeout
from watchkeeper.states import JobState

_SECONDS = 60.0
_QUESTION = "In one sentence: what does a night watch on a ship do?"


def run_demo(settings: Settings, up: Up) -> int:
    """Enqueue, wait, print answer and timeline. 0 = it completed."""
    locations = settings.locations
    with Client(locations.database_url, locations.redis_url) as client:
        job = client.enqueue("default", _QUESTION, metadata={"from": "watchkeeper up --demo"})
        click.echo(f"job {job.id} enqueued, waiting for the worker...", err=True)
        try:
            job = client.wait(job.id, timeout=_SECONDS)
        except JobTimeout:
            click.echo(f"the job did not end within {_SECONDS:g} s: see the lines above", err=True)
            return 6
        engine: Engine = build_engine(locations.database_url, pool_size=1)
        with reading(engine) as connection:
            _show(read_story(connection, job.id), simulated=up.simulated)
        engine.dispose()
    return 0 if job.state is JobState.COMPLETED else 1


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
