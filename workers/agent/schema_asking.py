"""How a model is told the schema its answer must keep to: natively where that is known to work, else in words."""

import json
from typing import Any, Final

from workers.agent.model_facts import Formats
from workers.router.routes import Candidate

_WITH_TOOLS: Final = frozenset({"openai", "azure"})  # elsewhere a response format and tool calls exclude each other
_WORDS: Final = (
    "Your final answer must be one JSON value and nothing else (no explanation, no code fence). "
    "It must keep to this JSON schema:\n"
)


def ask_for_schema(
    schema: str, candidate: Candidate, formats: Formats, *, with_tools: bool
) -> tuple[dict[str, Any], str]:
    """Parameters of the request, and words for the system prompt ("" = none needed).

    Args:
        schema: its JSON text.
        with_tools: the model may call tools before it answers.
    """
    loaded = json.loads(schema)
    words = _WORDS + schema
    # Providers' own formats describe an object; with tools only some take a format without giving up the calls.
    if loaded.get("type") != "object" or (with_tools and candidate.provider.kind not in _WITH_TOOLS):
        return {}, words
    if formats.schema:
        described = {"name": "answer", "schema": loaded, "strict": False}
        return {"response_format": {"type": "json_schema", "json_schema": described}}, ""
    return ({"response_format": {"type": "json_object"}} if formats.json else {}), words


def with_instruction(messages: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """`messages` with `words` at the end of the system prompt: some providers read only one system message."""
    if not words:
        return messages
    first = messages[0]
    if first["role"] == "system" and isinstance(first["content"], str):
        return [{**first, "content": f"{first['content']}\n\n{words}"}, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]
