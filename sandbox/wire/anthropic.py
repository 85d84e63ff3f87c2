"""Anthropic's messages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.conversation import Ask, Line, Reply, count_words
from sandbox.schema import JsonObject
from sandbox.wire.contract import (
    Stamp,
    compact,
    messages_in,
    objects,
    pieces,
    text_of,
    text_pieces,
    tool_of,
    tool_words,
)


@dataclass(frozen=True, slots=True)
class AnthropicWire:
    """Key in ``x-api-key``; a stream is named events, one content block, and a ping as the real ones have."""

    name: str = "anthropic"

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        return headers.get("x-api-key", "").strip() or (token.strip() if scheme.lower() == "bearer" else "")

    def ask(self, body: JsonObject, *, model: str, stream: bool) -> Ask:
        messages = messages_in(body, "messages")
        lines = [line for message in messages for line in _lines(message)]
        choice = body.get("tool_choice")
        refused = isinstance(choice, Mapping) and choice.get("type") == "none"
        tools = [] if refused else [tool_of(tool, "input_schema") for tool in objects(body.get("tools"))]
        words = count_words(text_of(body.get("system"))) + sum(count_words(line.text) for line in lines)
        return Ask(
            model=model,
            stream=stream,
            lines=lines,
            tools=tools,
            messages=len(messages),
            words=words + tool_words(tools),
        )

    def plain(self, ask: Ask, reply: Reply, stamp: Stamp) -> JsonObject:
        content = {"type": "text", "text": reply.text} if not reply.call else _tool_use(reply, stamp)
        return _message(ask, reply, stamp) | {
            "content": [content],
            "stop_reason": _stop_reason(reply),
            "usage": _input_usage(reply) | {"output_tokens": reply.completion_tokens},
        }

    def frames(self, ask: Ask, reply: Reply, stamp: Stamp) -> list[bytes]:
        started = _message(ask, reply, stamp) | {"usage": _input_usage(reply) | {"output_tokens": 1}}
        if reply.call:
            block = {**_tool_use(reply, stamp), "input": {}}
            parts = pieces(compact(reply.call.arguments))
            deltas: list[JsonObject] = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        else:
            block = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": part} for part in text_pieces(reply)]
        return [
            _event("message_start", message=started),
            _event("content_block_start", index=0, content_block=block),
            _event("ping"),
            *(_event("content_block_delta", index=0, delta=delta) for delta in deltas),
            _event("content_block_stop", index=0),
            _event(
                "message_delta",
                delta={"stop_reason": _stop_reason(reply), "stop_sequence": None},
                usage={"output_tokens": reply.completion_tokens},
            ),
            _event("message_stop"),
        ]


def _lines(message: JsonObject) -> Iterator[Line]:
    """A user message may carry tool results and text; each result is a line, neighbouring text is one."""
    content = message.get("content")
    if message.get("role") == "assistant" or isinstance(content, str):
        yield Line("assistant" if message.get("role") == "assistant" else "user", text_of(content))
        return
    texts: list[str] = []
    for block in objects(content):
        if block.get("type") == "tool_result":
            yield Line("tool", text_of(block.get("content")))
        elif block.get("type") == "text":
            texts.append(str(block.get("text", "")))
    if texts:
        yield Line("user", "\n".join(texts))


def _message(ask: Ask, reply: Reply, stamp: Stamp) -> dict[str, object]:
    return {
        "id": f"msg_01{stamp.serial}",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _tool_use(reply: Reply, stamp: Stamp) -> dict[str, object]:
    if reply.call is None:
        return {}
    return {
        "type": "tool_use",
        "id": f"toolu_01{stamp.serial}",
        "name": reply.call.name,
        "input": reply.call.arguments,
    }


def _stop_reason(reply: Reply) -> str:
    return "tool_use" if reply.call else "end_turn"


def _input_usage(reply: Reply) -> dict[str, object]:
    return {
        "input_tokens": reply.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "service_tier": "standard",
    }


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {compact({'type': kind, **fields})}\n\n".encode()
