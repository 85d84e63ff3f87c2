"""Does the model go in circles? It does when it asks for the very same tool call turn after turn and learns nothing.

A call that is answered differently each time is no circle: a tool may be polled.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

TOLD_AT: Final = 3
"""So many turns in a row: the tool's result says so."""

STOPPED_AT: Final = 5
"""So many: the job fails with cause `tool_loop`."""

_NOTE: Final = "\n[note: you asked for the very same tool call "

_Call = tuple[str, str]
_Answered = tuple[_Call, str]


def turns_in_a_row(messages: Sequence[dict[str, Any]]) -> int:
    """How many turns in a row, up to the last reply, hold one call (name, arguments) that was always answered alike.

    The last reply counts by what it asks: its answers are not known yet.
    """
    turns = 0
    asked: set[_Call] = set()
    same: set[_Answered] = set()
    results: list[str] = []
    for message in reversed(messages):
        if message["role"] == "tool":
            results.append(_without_note(str(message["content"])))
            continue
        calls = [_named(call) for call in message.get("tool_calls") or ()] if message["role"] == "assistant" else []
        answered = set(zip(calls, reversed(results), strict=False))
        results = []
        if turns == 0:
            asked = set(calls)
        elif turns == 1:
            same = {each for each in answered if each[0] in asked}
        else:
            same &= answered
        if not (same if turns else asked):
            break
        turns += 1
    return turns


def note(turns: int) -> str:
    """What the results of a turn end with when it is the `turns`-th of its kind in a row."""
    if turns < TOLD_AT:
        return ""
    return f"{_NOTE}{turns} turns in a row, with the same result. Go on with what you have.]"


def _without_note(content: str) -> str:
    return content.rpartition(_NOTE)[0] if _NOTE in content else content


def _named(call: dict[str, Any]) -> _Call:
    name, arguments = str(call["function"]["name"]), call["function"]["arguments"] or ""
    try:
        # Another order or other spaces make no other call.
        return name, json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return name, arguments
