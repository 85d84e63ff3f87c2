"""A job's story on a terminal as it happens: the reply on stdout, all else on stderr."""

import json
import sys
from collections.abc import Iterable
from typing import Any, Final

import click

from console.cli.output import plain, print_piece, say
from watchkeeper.events import Event, EventKind
from watchkeeper.states import JobState
from watchkeeper.story_text import StoryText

_SHOWN: Final = 200


def how_it_ended(job_id: str, state: str, cause: str | None, message: str | None) -> str:
    """One line: the state, and what is known beyond it."""
    return ": ".join([f"job {job_id} {state}", *(part for part in (cause, message) if part and part != state)])


class Screen:
    """Shows events; `last` is the id to go on from."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._text = StoryText()
        self._step: int | None = None
        self._in_line = False
        self.last: str | None = None

    def show(self, events: Iterable[Event], job_id: str) -> int:
        """Show them to the end; the exit code: 0 answered, 1 the job ended otherwise."""
        ended: dict[str, Any] = {}
        for event in events:
            self._text.feed(event)
            if self._as_json:
                data = {"id": event.id, "kind": event.kind.value, "step": event.step, "data": event.data}
                click.echo(json.dumps(data, ensure_ascii=False))
            else:
                self._show(event)
            self.last = event.id
            ended = event.data
        if ended.get("state") == JobState.COMPLETED:
            return 0
        say(how_it_ended(job_id, str(ended.get("state")), ended.get("error_cause"), ended.get("error_message")))
        return 1

    def interrupted(self, job_id: str) -> None:
        """Say how to come back to a job that goes on."""
        after = f" --after {self.last}" if self.last else ""
        say(f"\njob {job_id} goes on: `watchkeeper jobs tail {job_id}{after}`, or `jobs cancel` to stop it")

    def _show(self, event: Event) -> None:
        data = event.data
        if event.kind is EventKind.TOKEN:
            if event.step != self._step:
                self._end_line()
            self._step = event.step
            self._print(data["text"])
        elif event.kind is EventKind.STEP_STARTED and data.get("kind") == "tool":
            self._aside(f"step {event.step}: {data.get('name')}({data.get('arguments') or ''})")
        elif event.kind is EventKind.STEP_FINISHED and data.get("kind") == "tool":
            self._aside(f"step {event.step}: -> {data.get('text')}")
        elif event.kind is EventKind.STEP_RESET:
            what = "the story begins anew" if event.step is None else "this step begins anew"
            self._aside(f"({what}: {data.get('why')})")
        elif event.kind is EventKind.WAITING:
            self._aside(f"({data.get('state')}: {data.get('why')})")
        elif event.kind is EventKind.ENDED:
            self._end(data)

    def _end(self, data: dict[str, Any]) -> None:
        told = self._text.replies
        # What came token by token is not repeated; an answer that was told in no reply is not kept back.
        if data.get("text") and data["text"] not in told.values():
            self._end_line()
            self._print(data["text"])
        self._end_line()

    def _print(self, text: str) -> None:
        print_piece(text)
        if text:
            self._in_line = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._in_line:
            click.echo()
        self._in_line = False
        self._step = None

    def _aside(self, words: str) -> None:
        if sys.stdout.isatty():  # into a file or pipe only what the model said
            self._end_line()
        line = " ".join(plain(words).split())
        line = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
        click.secho(line, err=True, dim=True)
