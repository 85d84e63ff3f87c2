"""Reading a streamed answer: the text as it comes, and at the end the same message a plain answer would have been.

litellm translates each piece of the wire, then builds each anew for its logging and its proxy; that second half costs
the most and gives us nothing. So its translated pieces are read beneath it. `WATCHKEEPER_LEAN_LITELLM=off` reads what
litellm returns (docs/adr/0005).
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from shared.sound_text import Pieces, sound
from workers.llm.exchange import Exchange
from workers.llm.openai_wire import from_openai_sdk, read_events

_SAYS_STOP_ALWAYS: Final = frozenset({"gemini", "vertex_ai", "vertex_ai_beta"})
"""litellm gives every piece of theirs a finish reason; only the wire tells the last one."""


class StreamCut(ConnectionError):
    """The stream ended before the answer did."""


@dataclass(slots=True)
class _ToolCall:
    id: str
    name: str
    arguments: list[str]


@dataclass(slots=True)
class Streamed:
    """What came. Token counts are None when the provider did not tell."""

    text: list[str] = field(default_factory=list)
    calls: list[_ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    _places: dict[int, _ToolCall] = field(default_factory=dict)

    def message(self) -> dict[str, Any]:
        """The assistant's message."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.text) or None}
        if self.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": sound(call.name), "arguments": sound("".join(call.arguments))},
                }
                for call in self.calls
            ]
        return message

    def take_call(self, index: int, id: str | None, name: str | None, arguments: str | None) -> None:
        """A piece of a tool call. Some providers number every call of a turn the same: its id tells it apart."""
        call = self._places.get(index)
        if call is None or (id and call.id and id != call.id):
            call = self._places[index] = _ToolCall("", "", [])
            self.calls.append(call)
        call.id = call.id or id or ""
        call.name = call.name or name or ""
        call.arguments.append(arguments or "")

    def take_usage(self, chunk: Any) -> None:
        """Counts come once, or grow; 0 is what litellm says of a count it was not told."""
        usage = chunk.get("usage") if isinstance(chunk, dict) else getattr(chunk, "usage", None)
        if usage is None:
            return
        told = usage if isinstance(usage, dict) else vars(usage)
        self.input_tokens = told.get("prompt_tokens") or self.input_tokens
        self.output_tokens = told.get("completion_tokens") or self.output_tokens


async def read_stream(
    stream: Any, exchange: Exchange, on_text: Callable[[str], None], *, kind: str, lean: bool
) -> Streamed:
    """Read litellm's stream to its end.

    Raises:
        StreamCut: it ended in the middle of the answer, without an error that says so.
    """
    streamed, pieces = Streamed(), Pieces()

    def say(text: str) -> None:
        if text:
            streamed.text.append(text)
            on_text(text)

    async for chunk in _translated(stream, exchange) if lean else _finished(stream):
        say(pieces.take(_take(chunk, streamed) or ""))
        if lean:
            streamed.take_usage(chunk)
    say(pieces.rest())
    if not lean:
        for chunk in stream.chunks:  # the last one it returns holds an estimate of its own where none was told
            streamed.take_usage(chunk)
    ended = streamed.finish_reason
    if kind in _SAYS_STOP_ALWAYS and not any(b"finishReason" in piece for piece in exchange.tail):
        ended = None
    elif not lean:
        ended = stream.received_finish_reason or stream.intermittent_finish_reason
    if not ended and (streamed.text or streamed.calls):
        # Half an answer must not look whole.
        exchange.error = StreamCut("the stream ended without a finish reason")
        raise exchange.error
    return streamed


async def _translated(stream: Any, exchange: Exchange) -> AsyncIterator[Any]:
    """Each piece as litellm translated it, before it builds it anew."""
    if stream.completion_stream is None:
        await stream.fetch_stream()
    if from_openai_sdk(stream.completion_stream) and exchange.response is not None:
        async for event in read_events(exchange.response):
            yield event
        return
    if not hasattr(stream.completion_stream, "__aiter__"):
        async for chunk in _finished(stream):
            yield chunk
        return
    async for chunk in stream.completion_stream:
        if chunk is None or hasattr(chunk, "choices") or (isinstance(chunk, dict) and "is_finished" in chunk):
            yield chunk
        else:  # a wire format that litellm reads only in its second half
            yield stream.chunk_creator(chunk=chunk)


async def _finished(stream: Any) -> AsyncIterator[Any]:
    async for chunk in stream:
        yield chunk


def _take(chunk: Any, streamed: Streamed) -> str | None:
    """Adds the piece to the answer but for its text, which is returned."""
    if chunk is None:
        return None
    if isinstance(chunk, dict) and "is_finished" not in chunk:
        return _take_event(chunk, streamed)
    if isinstance(chunk, dict):
        call = chunk.get("tool_use")
        if call:
            function = call.get("function") or {}
            streamed.take_call(
                call.get("index") or 0, call.get("id"), function.get("name"), function.get("arguments")
            )
        streamed.finish_reason = (chunk["is_finished"] and chunk["finish_reason"]) or streamed.finish_reason
        text = chunk["text"]
    else:
        choice = chunk.choices[0] if chunk.choices else None
        text = choice.delta.content if choice is not None else None
        if choice is not None and choice.delta.tool_calls:
            for piece in choice.delta.tool_calls:
                function = piece.function
                name, arguments = (function.name, function.arguments) if function is not None else (None, None)
                streamed.take_call(piece.index or 0, piece.id, name, arguments)
        if choice is not None and choice.finish_reason:
            streamed.finish_reason = choice.finish_reason
    return text if isinstance(text, str) else None


def _take_event(event: dict[str, Any], streamed: Streamed) -> str | None:
    """The same for an event of OpenAI's wire."""
    choices = event.get("choices")
    if not choices:
        return None
    delta = choices[0].get("delta") or {}
    for piece in delta.get("tool_calls") or ():
        function = piece.get("function") or {}
        streamed.take_call(piece.get("index") or 0, piece.get("id"), function.get("name"), function.get("arguments"))
    streamed.finish_reason = choices[0].get("finish_reason") or streamed.finish_reason
    text = delta.get("content")
    return text if isinstance(text, str) else None
