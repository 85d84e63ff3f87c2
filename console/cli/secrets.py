"""How a command takes a secret: hidden prompt, stdin, or a variable; never an argument."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from shared.errors import ConfigurationError
from shared.secret import redact

_EXPOSED = (
    "a key is never taken as an argument: the shell's history and the process list show it to others. Leave it out "
    "to be asked for it, or use --stdin or --from-env NAME. If this was a real key, replace it at the provider"
)


def secret_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--stdin`, `--from-env`, and a trap for a secret given as an argument."""
    for decorator in (
        click.argument("trapped", nargs=-1, metavar="", callback=_refuse, expose_value=False),
        click.option("--stdin", "from_stdin", is_flag=True, help="Read the key from standard input."),
        click.option("--from-env", metavar="NAME", help="Read the key from this variable (or .env)."),
    ):
        command = decorator(command)
    return command


def refuse_credential(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A name that looks like a credential is one in the wrong place; it is not repeated."""
    if value is not None and redact(value) != value:
        raise click.UsageError(_EXPOSED)
    return value


def read_secret(what: str, environ: Mapping[str, str], *, from_stdin: bool, from_env: str | None) -> str:
    """The secret's text, without the line end that a prompt or pipe adds.

    Raises:
        ConfigurationError: the variable is not set, or what was piped is not text.
        click.UsageError: nobody can be asked.
    """
    if from_stdin and from_env is not None:
        raise click.UsageError("--stdin and --from-env: give one of them")
    if from_env is not None:
        if not environ.get(from_env):
            raise ConfigurationError(f"{_named(from_env)} is not set, neither in the environment nor in .env")
        return environ[from_env]
    if from_stdin:
        try:
            return _without_line_end(sys.stdin.read(100_000))
        except UnicodeDecodeError:
            raise ConfigurationError("key: what came on standard input is not text") from None
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for the key: use --stdin or --from-env NAME")
    answer: str = click.prompt(f"{what} (hidden)", hide_input=True, err=True)
    return answer


def _refuse(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
    if value:
        raise click.UsageError(_EXPOSED)


def _named(variable: str) -> str:
    # Somebody may have written --from-env sk-...: then it is not repeated.
    return variable if redact(variable) == variable else "the variable given with --from-env"


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
