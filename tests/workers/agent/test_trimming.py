"""Whatever a conversation looks like: what is left fits, keeps its order, its system prompt and its pairs."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workers.agent.counting import bound
from workers.agent.trimming import Trimmed, room_to_read, trim

Message = dict[str, Any]

_sizes = st.integers(min_value=1, max_value=4000)


def _pair(name: int, size: int, results: int) -> list[Message]:
    calls = [
        {"id": f"{name}.{n}", "type": "function", "function": {"name": "look", "arguments": f'{{"n": {name}}}'}}
        for n in range(results)
    ]
    answers = [{"role": "tool", "tool_call_id": call["id"], "content": "r" * size} for call in calls]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *answers]


@st.composite
def _turn(draw: st.DrawFn) -> list[Message]:
    pairs = draw(st.lists(st.tuples(_sizes, st.integers(1, 3)), max_size=3))
    name = draw(st.integers(0, 10**9))
    begin = {"role": "user", "content": "u" * draw(_sizes)}
    middle = [message for n, (size, results) in enumerate(pairs) for message in _pair(name + n, size, results)]
    return [begin, *middle]


@st.composite
def _conversation(draw: st.DrawFn) -> tuple[list[Message], int, int]:
    system = [{"role": "system", "content": "s" * draw(_sizes)}] if draw(st.booleans()) else []
    turns = draw(st.lists(_turn(), max_size=6))
    history = [message for turn in turns for message in [*turn, {"role": "assistant", "content": "a" * draw(_sizes)}]]
    own = draw(_turn())
    return [*system, *history, *own], len(system), len(system) + len(history)


@given(_conversation(), st.integers(min_value=1, max_value=40_000))
def test_what_is_left_fits_and_is_whole(conversation: tuple[list[Message], int, int], limit: int) -> None:
    messages, history_at, own_at = conversation
    tokens = [bound(message) for message in messages]
    cut = trim(messages, tokens, history_at=history_at, own_at=own_at, limit=limit, bound=bound)
    if not isinstance(cut, Trimmed):
        assert cut > limit
        return
    assert sum(bound(message) for message in cut.messages) <= limit
    assert cut.messages[:history_at] == messages[:history_at]
    left = cut.messages[history_at:]
    own = len(messages) - own_at
    kept_history = left[: len(left) - own]
    assert kept_history == messages[own_at - len(kept_history) : own_at]  # the newest, in order
    assert not kept_history or kept_history[0]["role"] == "user"
    for message, before in zip(left[len(left) - own :], messages[own_at:], strict=True):
        assert {**before, "content": None, "tool_calls": None} == {**message, "content": None, "tool_calls": None}
    called = {call["id"] for message in cut.messages for call in message.get("tool_calls", ())}
    answered = {message["tool_call_id"] for message in cut.messages if message["role"] == "tool"}
    assert called == answered
    assert (cut.touched == 0) == (cut.messages == messages)


@given(_conversation())
def test_what_fits_is_left_alone(conversation: tuple[list[Message], int, int]) -> None:
    messages, history_at, own_at = conversation
    tokens = [bound(message) for message in messages]
    cut = trim(messages, tokens, history_at=history_at, own_at=own_at, limit=sum(tokens), bound=bound)
    assert cut == Trimmed(messages, 0)


def test_the_history_goes_before_the_jobs_own_tool_results_and_the_newest_result_never_does() -> None:
    history = [{"role": "user", "content": "old" * 100}, {"role": "assistant", "content": "a"}]
    own = [{"role": "user", "content": "go"}, *_pair(1, 2000, 1), *_pair(2, 2000, 1)]
    messages = [*history, *own]
    tokens = [bound(message) for message in messages]
    cut = trim(messages, tokens, history_at=0, own_at=2, limit=sum(tokens) - 1, bound=bound)
    assert cut == Trimmed(own, 2)
    shorter = trim(messages, tokens, history_at=0, own_at=2, limit=sum(tokens[2:]) - 1, bound=bound)
    assert isinstance(shorter, Trimmed)
    assert "left out" in shorter.messages[2]["content"]
    assert shorter.messages[3:] == own[3:]
    assert isinstance(trim(messages, tokens, history_at=0, own_at=2, limit=2000, bound=bound), int)


def test_the_answer_gets_its_room_but_never_more_than_half_of_the_context() -> None:
    assert room_to_read(128_000, None) == 128_000 - 4096
    assert room_to_read(8_000, None) == 6_000
    assert room_to_read(8_000, 1_000) == 7_000
    assert room_to_read(8_000, 100_000) == 4_000
