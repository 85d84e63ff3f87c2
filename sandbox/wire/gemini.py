"""Gemini's generateContent. The model and whether to stream stand in the path, not in the body."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.conversation import Ask, Line, Reply, Tool, count_words
from sandbox.schema import JsonObject
from sandbox.wire.contract import Stamp, compact, messages_in, objects, text_of, text_pieces, tool_of, tool_words


@dataclass(frozen=True, slots=True)
class GeminiWire:
    """Key in ``x-goog-api-key`` or ``?key=``. Field names come in camel or snake case, as Google accepts them."""

    name: str = "gemini"

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        return headers.get("x-goog-api-key", "").strip() or query.get("key", "").strip()

    def ask(self, body: JsonObject, *, model: str, stream: bool) -> Ask:
        contents = messages_in(body, "contents")
        lines = [line for content in contents for line in _lines(content)]
        system = _either(body, "systemInstruction", "system_instruction")
        tools = [] if _tools_refused(body) else list(_tools(body))
        words = count_words(text_of(system.get("parts"))) if isinstance(system, Mapping) else 0
        return Ask(
            model=model,
            stream=stream,
            lines=lines,
            tools=tools,
            messages=len(contents),
            words=words + sum(count_words(line.text) for line in lines) + tool_words(tools),
        )

    def plain(self, ask: Ask, reply: Reply, stamp: Stamp) -> JsonObject:
        return _chunk(ask, reply, stamp, _call_part(reply) or {"text": reply.text}, last=True)

    def frames(self, ask: Ask, reply: Reply, stamp: Stamp) -> list[bytes]:
        call = _call_part(reply)
        parts: list[JsonObject] = [call] if call else [{"text": piece} for piece in text_pieces(reply)]
        parts = parts or [{"text": ""}]
        last = len(parts) - 1
        return [
            f"data: {compact(_chunk(ask, reply, stamp, part, last=i == last))}\r\n\r\n".encode()
            for i, part in enumerate(parts)
        ]


def _either(fields: JsonObject, camel: str, snake: str) -> object:
    return fields.get(camel, fields.get(snake))


def _lines(content: JsonObject) -> Iterator[Line]:
    texts: list[str] = []
    for part in objects(content.get("parts")):
        result = _either(part, "functionResponse", "function_response")
        if isinstance(result, Mapping):
            yield Line("tool", compact(result.get("response")))
        elif "text" in part:
            texts.append(str(part["text"]))
    if texts:
        yield Line("assistant" if content.get("role") == "model" else "user", "\n".join(texts))


def _tools(body: JsonObject) -> Iterator[Tool]:
    for group in objects(body.get("tools")):
        for function in objects(_either(group, "functionDeclarations", "function_declarations")):
            yield tool_of(function, "parametersJsonSchema" if "parametersJsonSchema" in function else "parameters")


def _tools_refused(body: JsonObject) -> bool:
    config = _either(body, "toolConfig", "tool_config")
    if not isinstance(config, Mapping):
        return False
    calling = _either(config, "functionCallingConfig", "function_calling_config")
    return isinstance(calling, Mapping) and calling.get("mode") == "NONE"


def _call_part(reply: Reply) -> JsonObject | None:
    if reply.call is None:
        return None
    return {"functionCall": {"name": reply.call.name, "args": reply.call.arguments}}


def _chunk(ask: Ask, reply: Reply, stamp: Stamp, part: JsonObject, *, last: bool) -> JsonObject:
    candidate: dict[str, object] = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": reply.prompt_tokens,
            "candidatesTokenCount": reply.completion_tokens,
            "totalTokenCount": reply.prompt_tokens + reply.completion_tokens,
        },
        "modelVersion": ask.model,
        "responseId": stamp.serial,
    }
