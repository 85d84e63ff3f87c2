"""What a right answer looks like, in each wire format."""

import json

import httpx

from tests.sandbox.speakers import WEATHER_ARGUMENTS, Speaker, Turn, events
from tests.sandbox_fixture import Sandbox


def test_an_answer_says_it_is_scripted_and_echoes_the_user(speaker: Speaker) -> None:
    text = speaker.read(speaker.ask("What is\n the time?"))
    assert text.startswith("[sandbox] This is a scripted answer, no real model was called.")
    assert 'You said: "What is the time?"' in text


def test_a_long_message_is_echoed_shortened(speaker: Speaker) -> None:
    text = speaker.read(speaker.ask("word " * 1000))
    assert len(text) < 400
    assert "…" in text


def test_an_answer_tells_how_many_earlier_turns_arrived(speaker: Speaker) -> None:
    history: list[Turn] = [("user", "one"), ("assistant", "two"), ("user", "three")]
    assert "Earlier turns in this conversation: 2." in speaker.read(speaker.ask(*history))
    assert "Earlier turns" not in speaker.read(speaker.ask("one"))


def test_the_same_request_gets_the_same_words_and_usage_but_another_id(speaker: Speaker) -> None:
    first, second = (speaker.ask("again").json() for _ in range(2))
    usage = "usageMetadata" if speaker.name == "gemini" else "usage"
    identity = "responseId" if speaker.name == "gemini" else "id"
    assert first[usage] == second[usage]
    assert first[identity] != second[identity]
    assert all(value > 0 for name, value in first[usage].items() if name in ("prompt_tokens", "input_tokens"))


def test_a_stream_brings_the_same_text_in_several_events(speaker: Speaker) -> None:
    response = speaker.ask("stream this", stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert speaker.read_stream(response.text) == speaker.read(speaker.ask("stream this"))
    assert len(list(events(response.text))) > 5


def test_say_makes_the_answer_exactly_that(speaker: Speaker) -> None:
    assert speaker.read(speaker.ask("please [[say=42 is it]] now")) == "42 is it"
    assert speaker.read_stream(speaker.ask("[[say=ü]]", stream=True).text) == "ü"


def test_slow_delays_the_answer(speaker: Speaker) -> None:
    assert speaker.ask("[[slow=0.3]]").elapsed.total_seconds() >= 0.3


def test_offered_tools_are_not_called_without_a_directive(speaker: Speaker) -> None:
    assert "[sandbox]" in speaker.read(speaker.ask("hello", tools=True))


def test_tools_are_called_in_turn_until_enough_results_stand_there(speaker: Speaker) -> None:
    turns: list[Turn] = [("user", "[[tools=9]]"), ("assistant", "old"), ("user", "go [[tools=3]]")]
    called = []
    for number in range(3):
        ((name, arguments),) = speaker.read_calls(speaker.ask(*turns, tools=True))
        called.append((name, arguments))
        turns += [("call", name), ("tool", f"result {number}")]
    assert called == [("weather", WEATHER_ARGUMENTS), ("clock", {}), ("weather", WEATHER_ARGUMENTS)]
    text = speaker.read(speaker.ask(*turns, tools=True))
    assert "Tool results: 3" in text
    assert "result 2" in text


def test_openai_streams_usage_only_when_asked_and_ends_with_done(speaking: dict[str, Speaker]) -> None:
    speaker = speaking["openai"]
    assert not any(event.get("usage") for event in events(speaker.ask("x", stream=True).text))
    request = speaker.format.request("k", "m", [("user", "x")], stream=True, tools=False)
    request["json"]["stream_options"] = {"include_usage": True}
    text = speaker.http.post(**request).text
    assert list(events(text))[-1]["usage"]["total_tokens"] > 0
    assert text.endswith("data: [DONE]\n\n")


def test_openai_streams_a_tool_call_in_pieces(speaking: dict[str, Speaker]) -> None:
    text = speaking["openai"].ask("[[tools=1]]", stream=True, tools=True).text
    deltas = [c["delta"]["tool_calls"][0] for e in events(text) for c in e["choices"] if "tool_calls" in c["delta"]]
    assert deltas[0]["function"]["name"] == "weather"
    assert json.loads("".join(delta["function"]["arguments"] for delta in deltas)) == WEATHER_ARGUMENTS


def test_anthropic_sends_its_events_in_order(speaking: dict[str, Speaker]) -> None:
    kinds = [event["type"] for event in events(speaking["anthropic"].ask("x", stream=True).text)]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert set(kinds[3:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_gemini_takes_its_key_from_the_query_too(sandbox: Sandbox, speaking: dict[str, Speaker]) -> None:
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    url = "/gemini/v1beta/models/gemini-2.5-flash:generateContent?key=from-query"
    assert speaking["gemini"].http.post(url, json=body).status_code == 200
    assert sandbox.control.key_total("from-query") == 1


def test_models_are_listed(speaker: Speaker) -> None:
    assert speaker.model in speaker.list_models().text


def test_compatible_providers_are_served_at_the_root(sandbox: Sandbox) -> None:
    body = {"model": "llama-3.3-70b-versatile", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Authorization": "Bearer gsk_1"}
    answer = httpx.post(f"{sandbox.url}/v1/chat/completions", json=body, headers=headers)
    assert answer.json()["model"] == "llama-3.3-70b-versatile"


def test_equal_texts_get_equal_embeddings(sandbox: Sandbox) -> None:
    body = {"model": "text-embedding-3-small", "input": ["a", "b", "a"], "dimensions": 4}
    headers = {"Authorization": "Bearer sk-1"}
    data = httpx.post(f"{sandbox.url}/openai/v1/embeddings", json=body, headers=headers).json()["data"]
    first, second, third = (entry["embedding"] for entry in data)
    assert first == third != second
    assert len(first) == 4
