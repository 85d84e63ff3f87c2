"""Asks the sandbox over plain HTTP in each wire format, and reads the text and tool calls of the answers."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

TOOLS = {
    "weather": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
            "days": {"type": "integer"},
            "note": {"type": "string"},
        },
        "required": ["city", "unit", "days"],
    },
    "clock": {"type": "object", "properties": {}},
}
WEATHER_ARGUMENTS = {"city": "sandbox", "unit": "celsius", "days": 1}

Turn = tuple[str, str]
"""(role, text); role is user, assistant, call (a tool call by the model) or tool (its result)."""


class _Format(Protocol):
    def request(
        self, key: str, model: str, turns: Sequence[Turn], *, stream: bool, tools: bool
    ) -> dict[str, Any]: ...

    def text(self, answer: Any) -> str: ...

    def calls(self, answer: Any) -> list[tuple[str, Any]]: ...

    def streamed(self, event: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class Speaker:
    """`ask` sends one request; `read*` take apart what came back."""

    name: str
    model: str
    listing: str
    format: _Format
    http: httpx.Client

    def ask(
        self,
        *turns: Turn | str,
        key: str = "key-1",
        model: str | None = None,
        stream: bool = False,
        tools: bool = False,
        timeout: float = 5.0,
    ) -> httpx.Response:
        said = [turn if isinstance(turn, tuple) else ("user", turn) for turn in turns]
        request = self.format.request(key, model or self.model, said, stream=stream, tools=tools)
        return self.http.post(**request, timeout=timeout)

    def list_models(self, *, key: str = "key-1") -> httpx.Response:
        headers = self.format.request(key, self.model, [], stream=False, tools=False)["headers"]
        return self.http.get(self.listing, headers=headers)

    def read(self, response: httpx.Response) -> str:
        assert response.status_code == 200, response.text
        return self.format.text(response.json())

    def read_calls(self, response: httpx.Response) -> list[tuple[str, Any]]:
        assert response.status_code == 200, response.text
        return self.format.calls(response.json())

    def read_stream(self, text: str) -> str:
        return "".join(self.format.streamed(event) for event in events(text))


def events(text: str) -> Iterator[Any]:
    """The data of each server-sent event but the final ``[DONE]``."""
    for line in text.splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data: "))


class _OpenAI:
    def request(self, key: str, model: str, turns: Sequence[Turn], *, stream: bool, tools: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "messages": [self._message(*turn) for turn in turns],
            "stream": stream,
        }
        if tools:
            body["tools"] = [{"type": "function", "function": {"name": n, "parameters": s}} for n, s in TOOLS.items()]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return {"url": "/openai/v1/chat/completions", "headers": headers, "json": body}

    def _message(self, role: str, text: str) -> dict[str, Any]:
        if role == "call":
            function = {"name": text, "arguments": "{}"}
            call = {"id": "call_1", "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        return {"role": role, "content": text} | ({"tool_call_id": "call_1"} if role == "tool" else {})

    def text(self, answer: Any) -> str:
        return str(answer["choices"][0]["message"]["content"])

    def calls(self, answer: Any) -> list[tuple[str, Any]]:
        found = [call["function"] for call in answer["choices"][0]["message"].get("tool_calls", [])]
        return [(call["name"], json.loads(call["arguments"])) for call in found]

    def streamed(self, event: Any) -> str:
        return "".join(choice["delta"].get("content") or "" for choice in event["choices"])


class _Anthropic:
    def request(self, key: str, model: str, turns: Sequence[Turn], *, stream: bool, tools: bool) -> dict[str, Any]:
        messages = [self._message(*turn) for turn in turns]
        body: dict[str, Any] = {"model": model, "max_tokens": 100, "messages": messages, "stream": stream}
        if tools:
            body["tools"] = [{"name": name, "input_schema": schema} for name, schema in TOOLS.items()]
        return {"url": "/anthropic/v1/messages", "headers": {"x-api-key": key} if key else {}, "json": body}

    def _message(self, role: str, text: str) -> dict[str, Any]:
        if role == "call":
            call = {"type": "tool_use", "id": "toolu_1", "name": text, "input": {}}
            return {"role": "assistant", "content": [call]}
        if role == "tool":
            result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": text}
            return {"role": "user", "content": [result]}
        return {"role": role, "content": [{"type": "text", "text": text}]}

    def text(self, answer: Any) -> str:
        return "".join(block["text"] for block in answer["content"])

    def calls(self, answer: Any) -> list[tuple[str, Any]]:
        return [(block["name"], block["input"]) for block in answer["content"] if block["type"] == "tool_use"]

    def streamed(self, event: Any) -> str:
        return str(event["delta"]["text"]) if event["type"] == "content_block_delta" else ""


class _Gemini:
    def request(self, key: str, model: str, turns: Sequence[Turn], *, stream: bool, tools: bool) -> dict[str, Any]:
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        body: dict[str, Any] = {"contents": [self._content(*turn) for turn in turns]}
        if tools:
            functions = [{"name": name, "parameters": schema} for name, schema in TOOLS.items()]
            body["tools"] = [{"functionDeclarations": functions}]
        headers = {"x-goog-api-key": key} if key else {}
        return {"url": f"/gemini/v1beta/models/{model}:{verb}", "headers": headers, "json": body}

    def _content(self, role: str, text: str) -> dict[str, Any]:
        if role == "call":
            return {"role": "model", "parts": [{"functionCall": {"name": text, "args": {}}}]}
        if role == "tool":
            result = {"name": "weather", "response": {"result": text}}
            return {"role": "user", "parts": [{"functionResponse": result}]}
        return {"role": "model" if role == "assistant" else role, "parts": [{"text": text}]}

    def _parts(self, answer: Any) -> list[Any]:
        return [part for candidate in answer["candidates"] for part in candidate["content"]["parts"]]

    def text(self, answer: Any) -> str:
        return "".join(part["text"] for part in self._parts(answer))

    def calls(self, answer: Any) -> list[tuple[str, Any]]:
        found = [part["functionCall"] for part in self._parts(answer) if "functionCall" in part]
        return [(call["name"], call["args"]) for call in found]

    def streamed(self, event: Any) -> str:
        return self.text(event)


def speakers(url: str) -> dict[str, Speaker]:
    """One per wire format; the caller closes their clients."""
    formats: list[tuple[str, str, str, _Format]] = [
        ("openai", "gpt-4o-mini", "/openai/v1/models", _OpenAI()),
        ("anthropic", "claude-haiku-4-5-20251001", "/anthropic/v1/models", _Anthropic()),
        ("gemini", "gemini-2.5-flash", "/gemini/v1beta/models", _Gemini()),
    ]
    return {
        name: Speaker(name, model, listing, spoken, httpx.Client(base_url=url, trust_env=False))
        for name, model, listing, spoken in formats
    }
