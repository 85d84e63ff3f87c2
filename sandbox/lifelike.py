"""The scripted model for who watches: asks each tool once, writes at a reading pace, keeps to a schema. Pure."""

import json
import re
from collections.abc import Sequence
from typing import Final

from sandbox.conversation import Ask, Call, Reply, count_words, reply_to, shorten, tokens
from sandbox.schema import JsonObject, example, example_arguments

_WORDS_PER_SECOND: Final = 12.0
_THINKING_SECONDS: Final = 0.7
_DIRECTIVE: Final = re.compile(r"\[\[\w+(=.*?)?\]\]", re.DOTALL)
_QUESTIONS: Final = frozenset({"query", "question", "topic", "search", "q"})
_KEPT_TO: Final = "JSON schema:\n"
"""How our workers end the words that ask for an answer with a schema."""


def lifelike_reply(ask: Ask) -> Reply:
    """What the scripted model answers somebody who wrote no directive; with one it is `reply_to`'s answer."""
    last_user = max((i for i, line in enumerate(ask.lines) if line.role == "user"), default=-1)
    said = ask.lines[last_user].text if last_user >= 0 else ""
    if _DIRECTIVE.search(said):
        return reply_to(ask)
    results = [line.text for line in ask.lines[last_user + 1 :] if line.role == "tool"]
    call = _next_call(ask, said, len(results))
    text = "" if call else _answer(ask, said, results)
    return Reply(
        text=text,
        call=call,
        prompt_tokens=tokens(ask.words),
        completion_tokens=tokens(8 + 4 * len(call.arguments) if call else count_words(text)),
        wait_seconds=_THINKING_SECONDS if ask.stream else 0.0,
        tokens=tuple(re.findall(r"\S+\s*", text)),
        rate=None if call else _WORDS_PER_SECOND,
    )


def _next_call(ask: Ask, said: str, results: int) -> Call | None:
    if results >= len(ask.tools):
        return None
    tool = ask.tools[results]
    arguments = example_arguments(tool.parameters)
    return Call(tool.name, {name: said if name in _QUESTIONS else given for name, given in arguments.items()})


def _answer(ask: Ask, said: str, results: Sequence[str]) -> str:
    if (schema := _schema(ask)) is not None:
        return json.dumps(example(schema), ensure_ascii=False)
    if not results:
        return reply_to(ask).text
    found = " ".join(f'Tool {n} of {len(results)} told me: "{shorten(text)}"' for n, text in enumerate(results, 1))
    return (
        f'[sandbox] This is a scripted answer, no real model was called. You asked: "{shorten(said)}" {found} '
        "A model would now think about that; the sandbox only goes on writing, word by word, so that there is "
        "something to watch. Meanwhile, in another terminal: `watchkeeper workers ls` names the process that carries "
        "these words, and kill -9 ends it. Another worker takes the job over at its last finished step: no tool runs "
        "again, only this reply is asked for anew, and you will have read it whole."
    )


def _schema(ask: Ask) -> JsonObject | None:
    """The schema the answer must keep to, from the request's format or from the words of the system prompt."""
    if ask.schema is not None or _KEPT_TO not in ask.system:
        return ask.schema
    try:
        found, _ = json.JSONDecoder().raw_decode(ask.system.rpartition(_KEPT_TO)[2])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
