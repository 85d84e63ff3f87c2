"""OpenAI's chat completions, which most providers speak."""

from collections.abc import Mapping
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
class OpenAIWire:
    """Bearer key; a stream is chunks of the answer, then ``[DONE]``."""

    name: str = "openai"

    def key(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def ask(self, body: JsonObject, *, model: str, stream: bool) -> Ask:
        messages = messages_in(body, "messages")
        tools = [tool_of(f, "parameters") for f in _functions(body)] if body.get("tool_choice") != "none" else []
        options = body.get("stream_options")
        texts = [(message.get("role"), text_of(message.get("content"))) for message in messages]
        return Ask(
            model=model,
            stream=stream,
            lines=[_line(role, text) for role, text in texts if role not in ("system", "developer")],
            tools=tools,
            messages=len(messages),
            words=sum(count_words(text) for _, text in texts) + tool_words(tools),
            include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
            system="\n".join(text for role, text in texts if role in ("system", "developer")),
            schema=_schema(body),
        )

    def plain(self, ask: Ask, reply: Reply, stamp: Stamp) -> JsonObject:
        message: dict[str, object] = {"role": "assistant", "content": reply.text, "refusal": None}
        if reply.call:
            message |= {"content": None, "tool_calls": [_tool_call(reply, stamp, _arguments(reply))]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
        return _head(ask, stamp, "chat.completion") | {"choices": [choice], "usage": _usage(reply)}

    def frames(self, ask: Ask, reply: Reply, stamp: Stamp) -> list[bytes]:
        head = _head(ask, stamp, "chat.completion.chunk")
        deltas: list[JsonObject] = [{"role": "assistant", "content": None if reply.call else "", "refusal": None}]
        if reply.call:
            deltas.append({"tool_calls": [{"index": 0, **_tool_call(reply, stamp, "")}]})
            for piece in pieces(_arguments(reply)):
                deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        else:
            deltas.extend({"content": piece} for piece in text_pieces(reply))
        frames = [_frame(head | {"choices": [_delta(delta, None)]}) for delta in deltas]
        frames.append(_frame(head | {"choices": [_delta({}, _finish(reply))]}))
        if ask.include_usage:
            frames.append(_frame(head | {"choices": [], "usage": _usage(reply)}))
        frames.append(b"data: [DONE]\n\n")
        return frames


def _functions(body: JsonObject) -> list[JsonObject]:
    found = (tool.get("function") for tool in objects(body.get("tools")))
    return [function for function in found if isinstance(function, Mapping)]


def _schema(body: JsonObject) -> JsonObject | None:
    found: object = body
    for field in ("response_format", "json_schema", "schema"):
        found = found.get(field) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _line(role: object, text: str) -> Line:
    if role == "assistant":
        return Line("assistant", text)
    return Line("tool", text) if role in ("tool", "function") else Line("user", text)


def _head(ask: Ask, stamp: Stamp, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{stamp.serial}",
        "object": kind,
        "created": stamp.created,
        "model": ask.model,
        "service_tier": "default",  # clients of Groq insist on it
        "system_fingerprint": "fp_sandbox",
    }


def _finish(reply: Reply) -> str:
    return "tool_calls" if reply.call else "stop"


def _arguments(reply: Reply) -> str:
    return compact(reply.call.arguments) if reply.call else ""


def _tool_call(reply: Reply, stamp: Stamp, arguments: str) -> JsonObject:
    name = reply.call.name if reply.call else ""
    return {
        "id": f"call_{stamp.serial}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _delta(delta: JsonObject, finish: str | None) -> JsonObject:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _usage(reply: Reply) -> JsonObject:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }


def _frame(chunk: JsonObject) -> bytes:
    return f"data: {compact(chunk)}\n\n".encode()
