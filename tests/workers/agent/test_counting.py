"""Token counts without network: the bound holds, the count is close, images have a fixed price."""

import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.agent.counting import IMAGE_TOKENS, Counts, bound, count
from workers.agent.model_facts import ModelFacts


@settings(deadline=None)  # the first one loads the encoding
@given(st.text(max_size=300))
def test_a_message_never_has_more_tokens_than_its_bound(litellm: Any, text: str) -> None:
    message = {"role": "user", "content": text}
    assert count(ModelFacts(litellm).encode, message) <= bound(message)


def test_counting_needs_no_network_whatever_the_text(litellm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    counts = Counts()
    messages = [
        {"role": "user", "content": "<|endoftext|> " + "word " * 1000},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
    ]
    counts.add(ModelFacts(litellm).encode, messages, [])
    assert 1000 < counts.messages[0] < 1100
    assert IMAGE_TOKENS < counts.messages[1] < IMAGE_TOKENS + 100


def test_only_what_is_new_is_counted_again() -> None:
    asked: list[str] = []

    def counting(text: str) -> list[int]:
        asked.append(text)
        return [0]

    counts, messages = Counts(), [{"role": "user", "content": "one"}]
    counts.add(counting, messages, [{"type": "function"}])
    messages.append({"role": "assistant", "content": "two"})
    counts.add(counting, messages, [{"type": "function"}])
    assert len(asked) == 3
    assert (counts.messages, counts.tools) == ([1, 1], 1)
