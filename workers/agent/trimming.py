"""What a model is left to read of a long conversation. Pure.

The rule. Always kept: the agent's system prompt and the job's own messages. Left out first: the oldest turns of the
conversation's history, whole turns (from a user's message to the next one). When the job's own messages alone are too
long: its tool calls and their results are replaced by a short note, the oldest first, the newest never. A tool call
always stays together with its result, and the order never changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

Message = dict[str, Any]

_USUAL_ROOM: Final = 4096
_NOTE: Final = "[left out: the conversation is longer than this model reads; ask for it again if it matters]"


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What is left to read; `touched` counts the messages that were left out or shortened."""

    messages: list[Message]
    touched: int


def room_to_read(context_tokens: int, max_tokens: int | None) -> int:
    """Tokens a question may have: the context less the room for the answer, which takes at most half of it."""
    room = max_tokens if max_tokens is not None else min(_USUAL_ROOM, context_tokens // 4)
    return context_tokens - min(room, context_tokens // 2)


def trim(
    messages: Sequence[Message],
    tokens: Sequence[int],
    *,
    history_at: int,
    own_at: int,
    limit: int,
    bound: Callable[[Message], int],
) -> Trimmed | int:
    """`messages` cut down to `limit` tokens, or how many tokens are needed at least.

    Args:
        tokens: of each message.
        history_at: where the conversation's history begins; what stands before is the system prompt.
        own_at: where the job's own messages begin.
        bound: tokens that a shortened message has at most.
    """
    needed = sum(tokens)
    kept_from = history_at
    for turn in _turns(messages, history_at, own_at):
        if needed <= limit:
            break
        needed -= sum(tokens[kept_from:turn])
        kept_from = turn
    own = list(messages[own_at:])
    shortened = 0
    for start, end in _tool_pairs(own)[:-1]:
        if needed <= limit:
            break
        for place in range(start, end):
            shorter = _shortened(own[place])
            gain = tokens[own_at + place] - bound(shorter)
            if gain > 0:
                own[place] = shorter
                needed -= gain
                shortened += 1
    if needed > limit:
        return needed
    return Trimmed([*messages[:history_at], *messages[kept_from:own_at], *own], kept_from - history_at + shortened)


def _turns(messages: Sequence[Message], start: int, end: int) -> list[int]:
    """Where each turn of the history ends."""
    begins = [
        place
        for place in range(start + 1, end)
        if messages[place]["role"] == "user" and messages[place - 1]["role"] != "user"
    ]
    return [*begins, end] if end > start else []


def _tool_pairs(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """From each message that calls tools to the end of their results."""
    pairs = []
    for start, message in enumerate(messages):
        if not message.get("tool_calls"):
            continue
        end = start + 1
        while end < len(messages) and messages[end]["role"] == "tool":
            end += 1
        pairs.append((start, end))
    return pairs


def _shortened(message: Message) -> Message:
    if message["role"] == "tool":
        return {**message, "content": _NOTE}
    calls = [{**call, "function": {**call["function"], "arguments": "{}"}} for call in message["tool_calls"]]
    return {**message, "tool_calls": calls}
