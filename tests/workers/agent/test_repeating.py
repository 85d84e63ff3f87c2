"""A model that goes in circles is recognised by asking for the very same thing, turn after turn, to no avail."""

from typing import Any

import pytest

from workers.agent.repeating import note, turns_in_a_row


def turn(*calls: tuple[str, str], answer: str = "r") -> list[dict[str, Any]]:
    """A reply that asks for tools, and their results."""
    asked = [{"id": "c", "function": {"name": name, "arguments": text}} for name, text in calls]
    results = [{"role": "tool", "tool_call_id": "c", "content": answer} for _ in calls]
    return [{"role": "assistant", "content": None, "tool_calls": asked}, *results]


A, B = ("look", '{"at": 1, "in": 2}'), ("look", '{"at": 2}')
USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        ([USER], 0),
        ([USER, *turn(A)], 1),
        ([USER, *turn(A), *turn(A)], 2),
        ([USER, *turn(A), *turn(("look", '{"in":2,"at":1}'))], 2),  # in other words the same
        ([USER, *turn(A), *turn(A, B), *turn(B, A)], 3),
        ([USER, *turn(A), *turn(B), *turn(A)], 1),
        ([*turn(A), *turn(A), USER, *turn(A)], 1),  # asked anew by the user
        ([USER, *turn(("look", "{broken")), *turn(("look", "{broken"))], 2),
        ([USER, *turn(("look", "")), *turn(("look", ""))], 2),
        ([USER, *turn(A), {"role": "assistant", "content": "done"}], 0),
        ([USER, *turn(A, answer="1"), *turn(A, answer="2"), *turn(A)], 2),  # polled: what it answers is new
        ([USER, *turn(A, answer="1"), *turn(A, answer="2"), *turn(A, answer="2"), *turn(A)], 3),
        (
            [USER, *turn(A), *turn(A), *turn(A, answer="r" + note(3)), *turn(A)[:1]],
            4,
        ),  # a remark of ours is no answer
    ],
)
def test_turns_are_counted_back_from_the_last_reply(messages: list[dict[str, Any]], turns: int) -> None:
    assert turns_in_a_row(messages) == turns
