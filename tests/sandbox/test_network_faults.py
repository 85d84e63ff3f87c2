"""What is not an answer at all: silence, resets, pages of a CDN, half answers."""

import time

import httpx
import pytest

from tests.sandbox.speakers import Speaker, events
from tests.sandbox_fixture import Sandbox


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_hang_never_answers_and_lets_others_pass(stream: bool, sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "hang")
    with pytest.raises(httpx.ReadTimeout):
        speaker.ask("hello", stream=stream, timeout=0.2)
    assert speaker.ask("hello", key="key-2").status_code == 200


def test_reset_breaks_the_connection_without_a_byte(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "reset")
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        speaker.ask("hello")


@pytest.mark.parametrize(("behaviour", "status", "words"), [("html", 403, "blocked"), ("html_5xx", 520, "520")])
def test_a_cdn_page_comes_instead_of_json(
    behaviour: str, status: int, words: str, sandbox: Sandbox, speaker: Speaker
) -> None:
    sandbox.control.set_key("key-1", behaviour)
    response = speaker.ask("hello")
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert words in response.text


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_empty_is_a_200_without_a_body(stream: bool, sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "empty")
    response = speaker.ask("hello", stream=stream)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_an_error_can_hide_in_a_200(stream: bool, sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "error_in_200")
    response = speaker.ask("hello", stream=stream)
    assert response.status_code == 200
    answer = list(events(response.text))[-1] if stream else response.json()
    assert answer["error"]["message"]


def test_a_stream_can_die_after_some_text(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "die_mid_stream")
    request = speaker.format.request("key-1", speaker.model, [("user", "hello")], stream=True, tools=False)
    received: list[str] = []
    with speaker.http.stream("POST", **request) as response, pytest.raises(httpx.RemoteProtocolError):
        for text in response.iter_text():
            received.append(text)
    assert speaker.read_stream("".join(received)).startswith("[sandbox]")


def test_a_plain_answer_can_die_half_way(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "die_mid_stream")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        speaker.ask("hello")


def test_slow_is_a_right_answer_that_comes_late(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "slow", delay_seconds=0.3)
    response = speaker.ask("hello")
    assert response.elapsed.total_seconds() >= 0.3
    assert "[sandbox]" in speaker.read(response)


def test_a_stream_can_end_early_as_if_that_were_all(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "end_mid_stream")
    text = speaker.read_stream(speaker.ask("[[tokens=20]]", stream=True).text)
    assert text.startswith("word1 word2")
    assert "word20" not in text


def test_a_stream_can_end_in_an_error(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "error_mid_stream")
    told = list(events(speaker.ask("[[tokens=20]]", stream=True).text))
    assert len(told) > 5
    assert told[-1]["error"]["message"]


def test_a_stream_can_fall_silent(sandbox: Sandbox, speaker: Speaker) -> None:
    sandbox.control.set_key("key-1", "hang_mid_stream")
    request = speaker.format.request("key-1", speaker.model, [("user", "[[tokens=20]]")], stream=True, tools=False)
    with speaker.http.stream("POST", **request, timeout=0.5) as response, pytest.raises(httpx.ReadTimeout):
        for text in response.iter_text():
            assert text


def test_a_stream_keeps_the_rate_that_was_asked_for_and_says_when_each_word_was_sent(
    sandbox: Sandbox, speaker: Speaker
) -> None:
    asked = time.time_ns() // 1000
    response = speaker.ask("[[tokens=11]] [[rate=50]] [[stamped]]", stream=True)
    sent = [int(word) for word in speaker.read_stream(response.text).split()]
    assert len(sent) == 11
    assert sent[-1] - asked >= 190_000  # by the schedule: the first word may have been late itself
    assert 0 <= time.time_ns() // 1000 - sent[-1] < 60_000_000
