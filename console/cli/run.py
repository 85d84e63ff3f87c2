"""`watchkeeper run`: one job in, its answer out."""

import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from console.author import author
from console.cli.output import json_option, print_json, print_text, say
from console.cli.streaming import Screen, how_it_ended
from console.cli.values import Json, Moment
from shared.settings import load_settings
from watchkeeper.client import Client
from watchkeeper.errors import JobTimeout
from watchkeeper.job import Job
from watchkeeper.states import JobState


@click.command(epilog="Exit codes: 0 answered (or stored, with --no-wait), 1 the job failed, 3 no SQL, 6 timeout.")
@click.argument("agent")
@click.argument("text")
@click.option("--wait/--no-wait", default=True, help="Wait for the answer (default), or print the job's id at once.")
@click.option("--timeout", type=click.FloatRange(min=0), default=300.0, show_default=True, help="Seconds to wait.")
@click.option("--stream", is_flag=True, help="Show replies token by token, and tools, as they happen.")
@click.option("--cancel-on-interrupt", is_flag=True, help="Ctrl-C cancels the job; without, it goes on.")
@click.option("--conversation", metavar="ID", help="Jobs of one conversation run one after another.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), default="normal", show_default=True)
@click.option("--deadline", type=Moment(), help="Fails when not finished by then, e.g. 10m.")
@click.option("--run-after", type=Moment(), help="Not started before, e.g. 5m.")
@click.option("--idempotency-key", metavar="KEY", help="A second job with it is not made; the first is shown.")
@click.option("--metadata", type=Json(), metavar="JSON", help="Yours; comes back on the job.")
@json_option
def run(
    agent: str,
    text: str,
    wait: bool,
    timeout: float,
    stream: bool,
    cancel_on_interrupt: bool,
    conversation: str | None,
    priority: str,
    deadline: datetime | None,
    run_after: datetime | None,
    idempotency_key: str | None,
    metadata: Any,
    as_json: bool,
) -> int:
    """Enqueue TEXT for AGENT and print the answer. TEXT "-" reads standard input.

    With --stream and --json every event is one line of JSON.
    """
    locations = load_settings().locations
    with Client(locations.database_url, locations.redis_url) as client:
        job = client.enqueue(
            agent,
            _stdin() if text == "-" else text,
            conversation_id=conversation,
            idempotency_key=idempotency_key,
            priority=priority,
            run_after=run_after,
            deadline=deadline,
            metadata=metadata,
            stream=stream,
        )
        if job.duplicate:
            say(f"the idempotency key is known: this is job {job.id}, nothing was enqueued")
        if wait:
            screen = Screen(as_json=as_json)
            try:
                if stream:
                    return screen.show(client.stream(job.id, timeout=timeout), job.id)
                job = _wait(client, job, timeout)
            except JobTimeout as error:
                say(f"watchkeeper: {error}: `watchkeeper jobs show {job.id}`")
                return 6
            except KeyboardInterrupt:
                if cancel_on_interrupt:
                    job = client.cancel(job.id, by=author())
                    say(f"\njob {job.id} {'is told to stop' if not job.state.final else job.state}")
                else:
                    screen.interrupted(job.id)
                return 1
    return _show(job, as_json=as_json, waited=wait)


def _stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise click.UsageError("standard input is not UTF-8 text") from None


def _wait(client: Client, job: Job, timeout: float) -> Job:
    if not sys.stderr.isatty():
        return client.wait(job.id, timeout)
    from rich.console import Console

    with Console(stderr=True).status(f"job {job.id} ..."):
        return client.wait(job.id, timeout)


def _show(job: Job, *, as_json: bool, waited: bool) -> int:
    if as_json:
        print_json({**asdict(job), "text": job.text, "priority": job.priority.name.lower()})
    elif not waited:
        click.echo(job.id)
    elif job.state is JobState.COMPLETED:
        print_text(job.text or "")
    if not waited or job.state is JobState.COMPLETED:
        return 0
    say(how_it_ended(job.id, job.state, job.error_cause, job.error_message))
    return 1
