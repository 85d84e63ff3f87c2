"""Answers held against a schema: fences are tolerated, everything else is told in words."""

import json

import pytest

from workers.agent.answering import LONGEST_ANSWER, Invalid, Valid, check_answer

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
        "additionalProperties": False,
    }
)


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Riga", "days": 2}',
        ' \n{"city": "Riga", "days": 2}\n',
        '```json\n{"city": "Riga", "days": 2}\n```',
        'Here it is:\n```\n{"city": "Riga", "days": 2}\n```\nEnjoy!',
    ],
)
def test_json_with_or_without_a_fence_is_read(text: str) -> None:
    assert check_answer(text, SCHEMA) == Valid({"city": "Riga", "days": 2})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I would say Riga.", "it is no JSON"),
        ("", "it is no JSON"),
        ('{"city": "Riga"', "it is no JSON"),
        ('```json\n{"city": "Riga"}\n```\nor\n```json\n{"city": "Tartu"}\n```', "it is no JSON"),
        ('{"city": 7}', "$.city: 7 is not of type 'string'"),
        ('{"days": 0}', "'city' is a required property"),
        ('{"city": "Riga", "days": NaN}', "no JSON number"),
        ('{"city": "Riga", "days": 1e999}', "no JSON number"),
        ("9" * 5000, "it is no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("x" * (LONGEST_ANSWER + 1), "characters"),
    ],
)
def test_what_does_not_keep_to_the_schema_is_told_in_words(text: str, words: str) -> None:
    found = check_answer(text, SCHEMA)
    assert isinstance(found, Invalid)
    assert words in "\n".join(found.problems)
    assert all(len(problem) < 500 for problem in found.problems)


def test_only_the_first_few_problems_are_told() -> None:
    found = check_answer(json.dumps(list(range(1000))), '{"type": "array", "items": {"type": "string"}}')
    assert isinstance(found, Invalid)
    assert len(found.problems) == 5


def test_a_value_of_any_type_may_be_asked_for() -> None:
    assert check_answer("null", '{"type": "null"}') == Valid(None)
    assert check_answer("[1]", '{"$ref": "#/$defs/n", "$defs": {"n": {"type": "array"}}}') == Valid([1])
