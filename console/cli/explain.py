"""`watchkeeper explain`: what a provider's answer means, without asking any store or provider."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click

from console.cli.output import json_option, print_json, print_text
from console.cli.values import Moment
from console.explain import as_data, consequence, explain_lines
from shared.classification import Failure, classify
from shared.classification.failure import Kind


@click.command()
@click.option("--provider", help="litellm's name of it, e.g. openai.")
@click.option("--model", default="", help="The model that was asked.")
@click.option("--status", type=click.IntRange(100, 599), help="HTTP status of the answer.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header of the answer; repeatable.")
@click.option("--body-file", metavar="FILE", help="The answer's body as it came; - reads standard input.")
@click.option("--kind", type=click.Choice(get_args(Kind)), default="http", show_default=True, help="What happened.")
@click.option("--error", "words", default="", metavar="TEXT", help="The error, where no answer came.")
@click.option("--jsonl", is_flag=True, help="Read many answers from standard input, one JSON object a line.")
@click.option("--now", type=Moment(), help="The moment to reckon from; default: now.")
@json_option
def explain(
    provider: str | None,
    model: str,
    status: int | None,
    headers: tuple[str, ...],
    body_file: str | None,
    kind: Kind,
    words: str,
    jsonl: bool,
    now: datetime | None,
    as_json: bool,
) -> int:
    """Say what a provider's answer means, how long it lasts, and what Watchkeeper does with the key."""
    moment = now or datetime.now(UTC)
    if jsonl:
        if provider or status is not None or body_file:
            raise click.UsageError("--jsonl reads everything from standard input: give no answer beside it")
        return _many(moment)
    if not provider:
        raise click.UsageError("--provider is required (or --jsonl)")
    if (kind == "http") != (status is not None):
        raise click.UsageError("an answer has a --status; where none came, say --kind timeout, network, ...")
    body = "" if body_file is None else _read(body_file)
    failure = Failure(provider, model, kind, status, dict(map(_header, headers)), body, words)
    verdict = classify(failure, moment)
    action = consequence(verdict, moment)
    if as_json:
        print_json({**as_data(verdict), "action": action})
        return 0
    until = "not known" if verdict.until is None else verdict.until.isoformat(timespec="seconds")
    for name, value in (
        ("cause", verdict.cause.value),
        ("scope", verdict.scope.value),
        ("until", until),
        ("confidence", verdict.confidence.value),
        ("rule", verdict.rule),
        ("advice", verdict.advice),
        ("action", action),
    ):
        print_text(f"{name:<12}{value}")
    return 0


def _many(now: datetime) -> int:
    all_fine = True
    # Bytes that are not UTF-8 belong to a row like any other: they must not end the whole run.
    lines = (line.decode("utf-8", "replace") for line in sys.stdin.buffer)
    for line in explain_lines(lines, now):
        all_fine = all_fine and line.fine
        click.echo(json.dumps(line.data, ensure_ascii=False))
    return 0 if all_fine else 1


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"--header {name[:40]!r}: write NAME:VALUE")
    return name.strip(), value.strip()


def _read(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise click.UsageError(f"--body-file {path}: {error.strerror}") from None
    return data.decode("utf-8", "replace")
