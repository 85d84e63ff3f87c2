"""The tools a worker offers: name, what it does, what it takes, and the function."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Tool:
    """A function a model may call. `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]
    function: Callable[..., Any]

    def described(self) -> dict[str, Any]:
        """The tool in the words of the chat API."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": self.parameters},
        }


def current_time() -> str:
    """The time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


BUILT_IN = {
    "current_time": Tool(
        "current_time",
        "Tells the current date and time in UTC.",
        {"type": "object", "properties": {}, "additionalProperties": False},
        current_time,
    ),
}


def run_tool(tools: dict[str, Tool], call: dict[str, Any]) -> dict[str, Any]:
    """The message that answers the model's tool `call`; what goes wrong is told to the model, which may go on."""
    name = call["function"]["name"]
    try:
        tool = tools[name]
    except KeyError:
        return _answer(call, f"error: there is no tool {name!r}; there is: {', '.join(sorted(tools)) or 'none'}")
    try:
        arguments = json.loads(call["function"]["arguments"] or "{}")
        return _answer(call, str(tool.function(**arguments)))
    except Exception as error:  # whatever a tool does, the model hears of it and the worker lives
        return _answer(call, f"error: {type(error).__name__}: {error}")


def _answer(call: dict[str, Any], content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call["id"], "content": content}
