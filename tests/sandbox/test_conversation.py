"""The scripted model's decisions, without a server."""

from collections.abc import Sequence

import pytest

from sandbox.conversation import Ask, Line, Reply, Tool, reply_to
from sandbox.ledger import Entry, Ledger, mask
from sandbox.schema import example_arguments


def reply(*lines: Line, tools: Sequence[Tool] = ()) -> Reply:
    return reply_to(Ask(model="m", stream=False, lines=lines, tools=tools, messages=len(lines), words=30))


def test_a_directive_counts_only_in_the_last_user_message() -> None:
    earlier = (Line("user", "[[say=no]]"), Line("assistant", "[[say=never]]"))
    assert "You said" in reply(*earlier, Line("user", "plain")).text


def test_results_of_an_earlier_question_do_not_count() -> None:
    tools = [Tool("t", {})]
    earlier = (Line("user", "[[tools=1]]"), Line("tool", "old"), Line("assistant", "done"))
    assert reply(*earlier, Line("user", "[[tools=1]]"), tools=tools).call is not None


def test_a_conversation_without_a_user_is_answered_too() -> None:
    assert 'You said: ""' in reply(Line("assistant", "hm")).text


def test_tokens_are_four_for_three_words() -> None:
    assert reply(Line("user", "[[say=one two three]]")).completion_tokens == 4
    assert reply(Line("user", "x")).prompt_tokens == 40


@pytest.mark.parametrize(
    ("property_schema", "value"),
    [
        ({"type": "string"}, "sandbox"),
        ({"type": "STRING"}, "sandbox"),
        ({"type": "number"}, 1),
        ({"type": "boolean"}, True),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["sandbox", "sandbox"]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"$ref": "#/$defs/Unit"}, "metre"),
        ({"$ref": "#/$defs/Loop"}, {"next": {"next": {"next": {"next": {"next": {}}}}}}),
        ({"type": "object", "properties": {"x": {}}, "required": ["x", "gone"]}, {"x": "sandbox"}),
        (True, "sandbox"),
    ],
)
def test_an_argument_fits_its_schema(property_schema: object, value: object) -> None:
    loop = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Loop"}}, "required": ["next"]}
    schema = {
        "properties": {"wanted": property_schema, "optional": {"type": "string"}},
        "required": ["wanted"],
        "$defs": {"Unit": {"enum": ["metre"]}, "Loop": loop},
    }
    assert example_arguments(schema) == {"wanted": value}


def test_the_ledger_forgets_the_oldest_and_goes_on_counting() -> None:
    ledger = Ledger(capacity=3)
    for _ in range(5):
        ledger.add(Entry(ledger.next_number(), 0, 0, "openai", "/v1", "k", "m", False, "ok", "r", 1))
    assert [entry.n for entry in ledger.after(0, 10)] == [3, 4, 5]
    assert [entry.n for entry in ledger.after(3, 1)] == [4]
    assert ledger.after(5, 10) == []
    assert ledger.counts()["total"] == 5


def test_a_masked_key_shows_the_ends_of_a_long_one_only() -> None:
    assert mask("sk-sandbox-0123456789") == "sk-san...6789"
    assert mask("short") == "..."
