"""Commands that are processes: each executes its room; only `up` stays here, as the owner of the others."""

import gc
import os
import signal
import sys

import click


def _become(room: str, arguments: tuple[str, ...] = ()) -> None:
    """Replace this process by the room's: same pid, signals go straight to it."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", room, *arguments])  # noqa: S606 - our own interpreter


@click.command(short_help="Run the bundled Valkey.")
def store() -> None:
    """Run the bundled Valkey of this home (idle when REDIS_URL is set)."""
    _become("console.local")


@click.command(short_help="Run this host's workers, and replace those that die.")
def worker() -> None:
    """Run this host's workers: WATCHKEEPER_WORKER_PROCESSES processes, WATCHKEEPER_WORKER_THREADS jobs each.

    One that dies or hangs is replaced. TERM drains, a second TERM hands running jobs back, HUP replaces
    all one by one.
    """
    _become("workers")


@click.command()
def scheduler() -> None:
    """Run the scheduler. Two may run; one leads."""
    _become("scheduler")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(arguments: tuple[str, ...]) -> None:
    """Run the local provider with scripted faults (`watchkeeper sandbox --help` for its options)."""
    _become("sandbox", arguments)


@click.command("migrate")
def migrate_() -> None:
    """Bring the database of DATABASE_URL (or the embedded one) to this version's schema."""
    from shared.db.migrate import migrate
    from shared.settings import load_settings
    from watchkeeper.engine import build_engine

    settings = load_settings()
    settings.locations.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = settings.locations.database_url
    # Large tables take their time, an hour at most for one statement.
    engine = build_engine(url, statement_timeout=3600.0, idle_timeout=None, application_name="watchkeeper-migrate")
    before, after = migrate(engine)
    words = f"already at {after}" if before == after else f"migrated from {before or 'nothing'} to {after}"
    click.echo(words, err=True)


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--demo",
    is_flag=True,
    help="Run one job through the real queue and show it; on the sandbox also add an agent `researcher` with tools.",
)
@click.option("--once", is_flag=True, help="With --demo: end after the job.")
@click.option("-v", "--verbose", is_flag=True, help="Every log line, not only warnings and errors.")
def up(workers: int, demo: bool, once: bool, verbose: bool) -> int:
    """Start everything in this terminal: store, scheduler, workers, and the sandbox when no key is configured.

    Ctrl-C ends all of it: running jobs have WATCHKEEPER_DRAIN_SECONDS (25) to finish, the rest is handed back; a
    second Ctrl-C hands back at once.
    """
    if once and not demo:
        raise click.UsageError("--once goes with --demo: without it there is no job to end after")
    from console.local.demo import Researcher, run_demo
    from console.local.demo_tools import TOOLS
    from console.local.greeting import await_ready, greet
    from console.local.up import Stopped, Up
    from shared.logs import configure_logging
    from shared.settings import load_settings

    settings = load_settings()
    quiet = not verbose and not settings.environ.get("WATCHKEEPER_LOG_LEVEL")
    configure_logging(room="up", format=settings.log_format, level="warning" if quiet else settings.log_level)
    everything = Up(settings, workers=workers, quiet=quiet)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, everything.stop)
    click.echo("starting store, scheduler and workers (litellm takes some seconds to load) ...", err=True)
    started = False
    try:
        everything.start()
        started = True
        await_ready(settings, everything)
        if demo and everything.watch():
            code = run_demo(settings, everything)
            if once or code:
                return code
        researcher = demo and everything.simulated and everything.watch() and Researcher(TOOLS).add(settings)
        if everything.watch():
            greet(settings, researcher=researcher)
        return everything.run()
    except Stopped:
        return 0
    finally:
        if started and not once:
            click.echo(
                f"ending: running jobs have up to {settings.drain_seconds:g} s to finish, a second Ctrl-C hands them "
                "back at once; what is left goes on after the next start ...",
                err=True,
            )
        everything.close()
        gc.freeze()  # Python's own end would walk through all that was imported: 0.3 s, and 1 s on a busy machine
