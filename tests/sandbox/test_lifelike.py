"""The scripted model for who watches: what it does when nobody wrote a directive."""

import json
from typing import Any

from sandbox.conversation import Ask, Line, Tool
from sandbox.lifelike import lifelike_reply

QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
TRIP = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["days"],
}


def _ask(*lines: Line, tools: int = 2, **more: Any) -> Ask:
    offered = [Tool(f"tool_{number}", QUERY) for number in range(tools)]
    return Ask("m", True, [Line("user", "Why?"), *lines], offered, 1, 3, **more)


def test_it_asks_each_tool_once_with_the_question_and_then_writes_word_by_word() -> None:
    first, second = lifelike_reply(_ask()), lifelike_reply(_ask(Line("tool", "one")))
    answer = lifelike_reply(_ask(Line("tool", "one"), Line("tool", "two")))

    assert first.call is not None and (first.call.name, first.call.arguments) == ("tool_0", {"query": "Why?"})
    assert second.call is not None and second.call.name == "tool_1"
    assert answer.call is None and answer.rate and "".join(answer.tokens) == answer.text
    assert '"one"' in answer.text and '"two"' in answer.text and answer.text.startswith("[sandbox]")


def test_a_directive_means_what_it_always_means() -> None:
    assert lifelike_reply(_ask(Line("user", "[[say=yes]]"))).text == "yes"
    assert lifelike_reply(_ask(Line("user", "[[say=yes]]"))).rate is None


def test_an_answer_keeps_to_the_schema_of_the_request_or_of_the_system_prompt() -> None:
    native = lifelike_reply(_ask(tools=0, schema=TRIP))
    words = lifelike_reply(
        _ask(tools=0, system=f"Be brief.\n\nIt must keep to this JSON schema:\n{json.dumps(TRIP)}")
    )

    assert json.loads(native.text) == json.loads(words.text) == {"days": 1}
