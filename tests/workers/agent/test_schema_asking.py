"""How each provider is told the schema, and that nothing of it asks the network."""

import json
from typing import Any

import pytest

from shared.config.snapshot import Model, Provider
from workers.agent.model_facts import Formats, ModelFacts
from workers.agent.schema_asking import ask_for_schema, with_instruction
from workers.router.routes import Candidate

OBJECT = json.dumps({"type": "object", "properties": {"city": {"type": "string"}}})


def candidate(kind: str, remote_name: str = "m", context_tokens: int | None = None) -> Candidate:
    """A model of a provider of that kind."""
    provider = Provider("p", kind, None, "none", 1)
    return Candidate(provider, Model("p/m", "p", remote_name, "chat", context_tokens=context_tokens), None, None, ())


@pytest.mark.parametrize(
    ("kind", "schema", "known", "with_tools", "format_", "in_words"),
    [
        ("openai", OBJECT, Formats(True, True), False, "json_schema", False),
        ("openai", OBJECT, Formats(True, True), True, "json_schema", False),
        ("anthropic", OBJECT, Formats(True, True), False, "json_schema", False),
        ("anthropic", OBJECT, Formats(True, True), True, None, True),
        ("groq", OBJECT, Formats(False, True), False, "json_object", True),
        ("groq", OBJECT, Formats(False, True), True, None, True),
        ("ollama", OBJECT, Formats(False, False), False, None, True),
        ("openai", '{"type": "array"}', Formats(True, True), False, None, True),
    ],
)
def test_natively_where_it_is_known_to_work_else_in_words(
    kind: str, schema: str, known: Formats, with_tools: bool, format_: str | None, in_words: bool
) -> None:
    parameters, words = ask_for_schema(schema, candidate(kind), known, with_tools=with_tools)
    assert parameters.get("response_format", {}).get("type") == format_
    assert (schema in words) is in_words


def test_the_words_join_the_system_prompt_and_the_conversation_itself_stays() -> None:
    asked = [{"role": "user", "content": "hello"}]
    assert with_instruction(asked, "") is asked
    assert [message["role"] for message in with_instruction(asked, "words")] == ["system", "user"]
    prompted = [{"role": "system", "content": "be brief"}, *asked]
    assert with_instruction(prompted, "words")[0]["content"] == "be brief\n\nwords"
    assert prompted[0]["content"] == "be brief"


@pytest.mark.filterwarnings("ignore:Items? '.*' on TypedDict class:UserWarning")
def test_what_a_model_reads_is_a_persons_number_first_then_the_lists(litellm: Any) -> None:
    facts = ModelFacts(litellm)
    assert facts.context_tokens(candidate("openai", "gpt-4o-mini")) == 128_000
    assert facts.context_tokens(candidate("openai", "gpt-4o-mini", 5000)) == 5000
    assert facts.context_tokens(candidate("ollama", "nobody-knows-it")) is None
    assert facts.formats(candidate("openai", "gpt-4o-mini")).schema
    assert not facts.formats(candidate("ollama", "nobody-knows-it")).schema
