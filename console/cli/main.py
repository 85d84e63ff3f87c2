"""The entry of `watchkeeper`. Commands are imported when they are called: `--help` must not wait for SQLAlchemy."""

import importlib
import os
import sys
from typing import Any, Final

import click

_COMMANDS: Final = {
    "up": ("console.cli.processes:up", "Start everything in this terminal."),
    "store": ("console.cli.processes:store", "Run the bundled Valkey."),
    "worker": ("console.cli.processes:worker", "Run this host's workers, and replace those that die."),
    "scheduler": ("console.cli.processes:scheduler", "Run the scheduler."),
    "sandbox": ("console.cli.processes:sandbox", "Run the local provider with scripted faults."),
    "probe": ("console.cli.probe:probe", "Health check of this host's worker or scheduler."),
    "migrate": ("console.cli.processes:migrate_", "Bring the database to this version's schema."),
    "run": ("console.cli.run:run", "Enqueue a job and show its answer."),
    "jobs": ("console.cli.jobs:jobs", "Look at jobs, stop them, give them another go."),
    "keys": ("console.cli.keys:keys", "Credentials: add, rotate, disable, release."),
    "providers": ("console.cli.providers:providers", "Who serves models."),
    "models": ("console.cli.models:models", "What is served, and the defaults."),
    "agents": ("console.cli.agents:agents", "How jobs are run: prompt, models, limits."),
    "tools": ("console.cli.tools:tools", "What agents may do besides talking."),
    "config": ("console.cli.config:config", "What the workers run on, and its history."),
    "workers": ("console.cli.workers:workers", "Who works."),
    "status": ("console.cli.status:status", "Everything on one screen."),
    "doctor": ("console.cli.doctor:doctor", "What may be wrong, and how to mend it."),
    "explain": ("console.cli.explain:explain", "What a provider's answer means."),
}


class Lazy(click.Group):
    """Knows its commands by name and one line; imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 no Redis or SQL, 4 degraded, 5 emergency, 6 timeout.",
)
@click.version_option(package_name="watchkeeper-service", prog_name="watchkeeper")
def cli() -> None:
    """Runs LLM agent jobs in the background and keeps them running."""


def main(arguments: list[str] | None = None) -> Any:
    """Run a command; errors become one line on stderr and the documented exit code."""
    try:
        code = cli.main(args=arguments, prog_name="watchkeeper", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.stderr.write("aborted\n")
        sys.exit(1)
    except BrokenPipeError:  # the reader had enough, e.g. `| head`; nothing may be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        sys.exit(_told(error))
    sys.exit(code if isinstance(code, int) else 0)


def _told(error: Exception) -> int:
    """Write an expected error in words and give its exit code; a surprise is raised again.

    Raises:
        Exception: `error`, when nobody foresaw it.
    """
    from shared.errors import ServiceError
    from watchkeeper.errors import JobTimeout, StoreUnavailable, WatchkeeperError

    if not isinstance(error, ServiceError | WatchkeeperError):
        raise error
    sys.stderr.write(f"watchkeeper: {error}\n")
    if isinstance(error, ServiceError):
        return error.exit_code
    if isinstance(error, JobTimeout):
        return 6
    return 3 if isinstance(error, StoreUnavailable) else 1
