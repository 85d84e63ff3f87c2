"""`watchkeeper tools`: what agents may do besides talking. A worker's room knows; it is executed, not imported."""

import json
import subprocess
import sys
from typing import Any, Final

import click

from console.cli.output import json_option, print_table, show
from shared.errors import ConfigurationError

_SECONDS: Final = 60.0  # to import the modules, whatever they do


@click.group()
def tools() -> None:
    """What agents may do besides talking: built in, from WATCHKEEPER_TOOLS, installed packages and MCP servers."""


@tools.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the tools a worker started here would offer. MCP servers are asked; who is away is told on stderr."""
    answer = _asked()
    found: list[dict[str, Any]] = answer["tools"]
    for server, why in answer["away"].items():
        click.echo(f"the MCP server {server!r} is away, its tools are missing: {why}", err=True)
    show(
        as_json,
        found,
        lambda: print_table(
            ("name", "description", "parameters", "repeatable", "module"),
            (
                (
                    tool["name"],
                    tool["description"].partition("\n")[0],
                    list(tool["parameters"].get("properties", {})),
                    tool["repeatable"],
                    tool["module"],
                )
                for tool in found
            ),
            empty="no tools",
        ),
    )


def _asked() -> dict[str, Any]:
    try:
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "workers.tools"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"WATCHKEEPER_TOOLS: its modules took longer than {_SECONDS:g} seconds to import: see what they do then"
        ) from None
    if ran.returncode != 0:
        # The last line says it, whether it is our error or a traceback of a module that went wrong badly.
        raise ConfigurationError((ran.stderr.strip() or "the tools cannot be listed").splitlines()[-1])
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer
