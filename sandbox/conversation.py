"""The scripted model: reads a conversation in one neutral form and decides what to say. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sandbox.schema import JsonObject, example_arguments

ECHO_LIMIT = 200
"""Characters of the user's message, or of a tool's result, that an answer repeats."""

_TOOLS = re.compile(r"\[\[tools=(\d{1,4})\]\]")
_SAY = re.compile(r"\[\[say=(.*?)\]\]", re.DOTALL)
_THEN = re.compile(r"\[\[then=(.*?)\]\]", re.DOTALL)
_MARK = re.compile(r"\[\[mark=([\w.-]{1,64})\]\]")
_TOKENS = re.compile(r"\[\[tokens=(\d{1,5})\]\]")
_RATE = re.compile(r"\[\[rate=(\d{1,5}(?:\.\d{1,6})?)\]\]")
_SLOW = re.compile(r"\[\[slow=(\d{1,5}(?:\.\d{1,6})?)\]\]")


SENT_AT = "<sent at microsecond>"
"""Stands in a text of `[[stamped]]` for the moment its piece is sent: microseconds since 1970, 16 digits."""


class Line(NamedTuple):
    """One message, whatever the wire format. A tool's result is a line of its own; system text is none."""

    role: Literal["user", "assistant", "tool"]
    text: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the caller offers: its name and the JSON schema of its arguments."""

    name: str
    parameters: JsonObject


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to the model. `messages` counts them as sent; `words` is the prompt's length.

    `system` is its system text; `schema` the JSON schema its response format names.
    """

    model: str
    stream: bool
    lines: Sequence[Line]
    tools: Sequence[Tool]
    messages: int
    words: int
    include_usage: bool = False
    system: str = ""
    schema: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The model asks for a tool."""

    name: str
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class Reply:
    """Text, or one tool call; the token counts of both directions; seconds the directives ask to wait.

    `tokens` are the pieces a stream brings the text in (none: about ten); `rate` is pieces a second (None: at once).
    """

    text: str
    call: Call | None
    prompt_tokens: int
    completion_tokens: int
    wait_seconds: float = 0.0
    tokens: Sequence[str] = ()
    rate: float | None = None


def reply_to(ask: Ask) -> Reply:
    """What the scripted model answers. The same request always gets the same reply."""
    last_user = max((i for i, line in enumerate(ask.lines) if line.role == "user"), default=-1)
    said = ask.lines[last_user].text if last_user >= 0 else ""
    results = [line.text for line in ask.lines[last_user + 1 :] if line.role == "tool"]
    earlier = sum(1 for line in ask.lines[: max(last_user, 0)] if line.role != "tool" and line.text)
    call = _call(said, ask.tools, len(results))
    drawn = () if call else _tokens(said)
    text = "" if call else "".join(drawn) or _then(ask.lines, last_user) or _text(said, results, earlier)
    slow, rate = _SLOW.search(said), _RATE.search(said)
    return Reply(
        text=text,
        call=call,
        prompt_tokens=tokens(ask.words),
        completion_tokens=len(drawn) or tokens(count_words(text) if not call else 8 + 4 * len(call.arguments)),
        wait_seconds=float(slow[1]) if slow else 0.0,
        tokens=drawn,
        rate=(float(rate[1]) or None) if rate else None,
    )


def mark_of(ask: Ask) -> str | None:
    """The name that a line of the conversation gives it, for whoever reads the log."""
    marks = (_MARK.search(line.text) for line in ask.lines if "[[mark=" in line.text)
    return next((mark[1] for mark in marks if mark), None)


def _call(said: str, tools: Sequence[Tool], results: int) -> Call | None:
    wanted = _TOOLS.search(said)
    if not wanted or not tools or results >= int(wanted[1]):
        return None
    tool = tools[results % len(tools)]
    return Call(tool.name, example_arguments(tool.parameters))


def _tokens(said: str) -> tuple[str, ...]:
    """`[[tokens=N]]`: so many words, numbered, or, `[[stamped]]`, each the time it is sent."""
    wanted = _TOKENS.search(said)
    if not wanted:
        return ()
    stamped = "[[stamped]]" in said
    return tuple(f"{SENT_AT} " if stamped else f"word{n} " for n in range(1, int(wanted[1]) + 1))


def _then(lines: Sequence[Line], last_user: int) -> str:
    """`[[then=TEXT]]`: what is answered to the user's message after the one that holds it."""
    before = [line.text for line in lines[: max(last_user, 0)] if line.role == "user"]
    found = _THEN.search(before[-1]) if before else None
    return found[1] if found else ""


def _text(said: str, results: Sequence[str], earlier: int) -> str:
    if literal := _SAY.search(said):
        return literal[1]
    parts = [f'[sandbox] This is a scripted answer, no real model was called. You said: "{shorten(said)}".']
    if earlier:
        parts.append(f"Earlier turns in this conversation: {earlier}.")
    if results:
        parts.append(f'Tool results: {len(results)}; the last one was: "{shorten(results[-1])}".')
    return " ".join(parts)


def shorten(text: str) -> str:
    """`text` on one line, cut after `ECHO_LIMIT` characters."""
    line = " ".join(text[: 4 * ECHO_LIMIT].split())
    return line if len(line) <= ECHO_LIMIT else line[: ECHO_LIMIT - 1] + "…"


def count_words(text: str) -> int:
    return len(text.split())


def tokens(words: int) -> int:
    """About what English text costs: four tokens for three words, and never none."""
    return max(1, words * 4 // 3)
