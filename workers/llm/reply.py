"""What the model said, out of what litellm returned: whole or streamed, in one form."""

from dataclasses import dataclass, field
from typing import Any

from shared.sound_text import sound
from workers.llm.streaming import Streamed


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said. Token counts are None when the provider did not tell.

    `request_id` is the provider's name for the request; empty when it gave none.
    """

    message: dict[str, Any]
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    request_id: str = field(default="", compare=False)


class NoReply(Exception):
    """An answer that is none: without content, or marked as failed. Some providers send their errors like this; what
    they say is in the exchange."""


def whole_reply(response: Any, request_id: str) -> Reply:
    """Out of the response litellm returns when nothing is streamed.

    Raises:
        NoReply: it holds none.
    """
    choices = getattr(response, "choices", None)
    if not choices:
        raise NoReply
    choice = choices[0]
    # litellm makes "stop" of a gateway's finish reason "error" and keeps the error aside.
    extra = getattr(choice, "provider_specific_fields", None)
    if extra and (extra.get("error") or extra.get("native_finish_reason") == "error"):
        raise NoReply
    message: dict[str, Any] = {"role": "assistant", "content": _sound(choice.message.content)}
    calls = getattr(choice.message, "tool_calls", None)
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": _sound(call.function.name), "arguments": _sound(call.function.arguments)},
            }
            for call in calls
        ]
    elif not choice.message.content:
        raise NoReply
    usage = getattr(response, "usage", None)
    return Reply(
        message=message,
        finish_reason=choice.finish_reason,
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
        request_id=request_id,
    )


def streamed_reply(streamed: Streamed, request_id: str) -> Reply:
    """Out of what came of a stream.

    Raises:
        NoReply: it holds none.
    """
    finish_reason = streamed.finish_reason
    if finish_reason == "error" or (not streamed.text and not streamed.calls):
        raise NoReply
    if finish_reason == "stop" and streamed.calls:
        finish_reason = "tool_calls"
    return Reply(
        message=streamed.message(),
        finish_reason=finish_reason,
        input_tokens=streamed.input_tokens,
        output_tokens=streamed.output_tokens,
        request_id=request_id,
    )


def _sound(text: Any) -> Any:
    """Text goes back to providers and out to readers: both refuse half a character. Anything else is as it was."""
    return sound(text) if isinstance(text, str) else text
