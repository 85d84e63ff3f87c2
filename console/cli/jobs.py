"""`watchkeeper jobs`: look at jobs, stop them, give them another go."""

from typing import Any

import click

from console.author import author
from console.cli.jobs_showing import show_story
from console.cli.opening import Opened, opened
from console.cli.output import json_option, print_json, print_table, say, show
from console.cli.streaming import Screen
from console.cli.values import Span
from console.jobs import find_job, list_jobs
from console.spans import in_words
from console.story import read_story
from shared.db.reading import reading
from shared.jobs.retry import Retrying, retry_job
from watchkeeper.cancelling import Cancelling, cancel_job
from watchkeeper.client import Client
from watchkeeper.news import News, tell
from watchkeeper.states import JobState


@click.group()
def jobs() -> None:
    """Look at jobs, stop them, give them another go. An id may be shortened to its beginning or end."""


@jobs.command("ls")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="Only jobs in this state.")
@click.option("--agent", help="Only jobs of this agent.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--since", type=Span(), help="Only jobs enqueued within this span, e.g. 1h.")
@json_option
def ls(state: str | None, agent: str | None, limit: int, since: int | None, as_json: bool) -> None:
    """List jobs, the newest first."""
    with opened() as stores, reading(stores.engine) as connection:
        found = list_jobs(connection, limit=limit, state=state, agent=agent, since_ms=since)
    show(as_json, found, lambda: _table(found))


@jobs.command("show")
@click.argument("job_id", metavar="ID")
@json_option
def show_(job_id: str, as_json: bool) -> None:
    """Everything known of one job: answer or error, timeline, attempts."""
    with opened() as stores, reading(stores.engine) as connection:
        story = read_story(connection, find_job(connection, job_id))
    show_story(story, as_json=as_json)


@jobs.command(epilog="Exit codes: 0 completed, 1 the job ended otherwise, 3 no SQL, 6 timeout.")
@click.argument("job_id", metavar="ID")
@click.option("--after", metavar="ID", help="Go on behind this event.")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to follow it; without, to its end.")
@json_option
def tail(job_id: str, after: str | None, timeout: float | None, as_json: bool) -> int:
    """Follow a job from its beginning to its end; --json: every event is one line."""
    with opened() as stores, reading(stores.engine) as connection:
        found = find_job(connection, job_id)
        locations = stores.settings.locations
    screen = Screen(as_json=as_json)
    with Client(locations.database_url, locations.redis_url) as client:
        try:
            return screen.show(client.stream(found, after=after, timeout=timeout), found)
        except KeyboardInterrupt:
            screen.interrupted(found)
            return 1


@jobs.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@json_option
def cancel(job_ids: tuple[str, ...], as_json: bool) -> int:
    """Stop jobs: at once while nobody runs them, else as soon as their worker hears of it."""
    words = {
        Cancelling.CANCELLED: "cancelled",
        Cancelling.REQUESTED: "runs: its worker was told to stop it",
        Cancelling.OVER: "had ended before: nothing to cancel",
    }
    news = News()
    with opened() as stores:
        with stores.engine.begin() as connection:
            found = [find_job(connection, part) for part in dict.fromkeys(job_ids)]
            outcomes = {job_id: cancel_job(connection, job_id, by=author(), news=news) for job_id in found}
        _tell(stores, news)
    _report(as_json, {job_id: (outcome.value, words[outcome]) for job_id, outcome in outcomes.items()})
    return 1 if Cancelling.OVER in outcomes.values() else 0


@jobs.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@json_option
def retry(job_ids: tuple[str, ...], as_json: bool) -> int:
    """Queue ended jobs again. Finished steps are kept and not paid for again."""
    words = {
        Retrying.QUEUED: "queued again",
        Retrying.COMPLETED: "is completed: a job has one result; enqueue a new one",
        Retrying.UNFINISHED: "has not ended: nothing to retry",
    }
    news = News()
    with opened() as stores:
        with stores.engine.begin() as connection:
            found = [find_job(connection, part) for part in dict.fromkeys(job_ids)]
            outcomes = {job_id: retry_job(connection, job_id, by=author(), news=news) for job_id in found}
        _tell(stores, news)
    _report(as_json, {job_id: (outcome.value, words[outcome]) for job_id, outcome in outcomes.items()})
    return 0 if set(outcomes.values()) == {Retrying.QUEUED} else 1


def _tell(stores: Opened, news: News) -> None:
    if news and not tell(stores.redis, news):
        say("stored; Redis is away: who waits for the job finds it in SQL, a worker sees it a little later")


def _report(as_json: bool, outcomes: dict[str, tuple[str, str]]) -> None:
    if as_json:
        print_json([{"id": job_id, "outcome": outcome} for job_id, (outcome, _) in outcomes.items()])
        return
    for job_id, (_, words) in outcomes.items():
        say(f"{job_id}  {words}")


def _table(found: list[dict[str, Any]]) -> None:
    print_table(
        ("id", "agent", "state", "priority", "age", "steps", "took", "error"),
        (
            (
                row["id"],
                row["agent"],
                f"{row['state']} (cancel asked)"
                if row["cancel_requested"] and not row["finished_at"]
                else row["state"],
                row["priority"],
                in_words(row["age_ms"]),
                row["steps"],
                in_words(row["finished_at"] - row["started_at"])
                if row["finished_at"] and row["started_at"]
                else None,
                row["error_cause"],
            )
            for row in found
        ),
        empty="no such jobs",
    )
