"""A tool as a worker offers it, wherever it comes from, and those every worker has."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from watchkeeper.tools import DEFAULT_TIMEOUT_SECONDS


class ArgumentError(Exception):
    """The model's arguments do not fit; the text is for the model, which may try again."""


def as_given(arguments: dict[str, Any]) -> dict[str, Any]:
    """No check: whoever runs the call checks by itself."""
    return arguments


@dataclass(frozen=True, slots=True)
class Tool:
    """A function a model may call.

    `parameters` is the JSON schema of its arguments. `check` makes keyword arguments of what the model sent or raises
    ArgumentError. `context` names the parameter that receives the ToolContext. `module` says where it comes from.
    `on_worker_loop` is for async functions of our own that never block; others run on a loop of their own.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    function: Callable[..., Any]
    is_async: bool = False
    check: Callable[[dict[str, Any]], dict[str, Any]] = as_given
    context: str | None = None
    repeatable: bool = True
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    reconcile: Callable[..., Any] | None = None
    on_worker_loop: bool = False
    module: str = "built in"

    def described(self) -> dict[str, Any]:
        """The tool in the words of the chat API."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": self.parameters},
        }


def no_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """For a tool that takes none: models like to invent some, and that is no reason to refuse."""
    return {}


def current_time() -> str:
    """The time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


BUILT_IN: Final = {
    "current_time": Tool(
        "current_time",
        "Tells the current date and time in UTC.",
        {"type": "object", "properties": {}, "additionalProperties": False},
        current_time,
        check=no_arguments,
    ),
}
