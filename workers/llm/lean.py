"""Work of litellm and the SDK below it that our calls do without: together about half of a call's CPU.

A logging object that skips litellm's own cost and callback work. litellm accepts `litellm_logging_obj=`, but the
class is not public. And the OpenAI SDK's walk through every request by the type hints of its parameters, to rename
fields: those of a chat have none to rename. The versions are pinned, a contract test compares both ways, and
`WATCHKEEPER_LEAN_LITELLM=off` switches back (docs/adr/0005).
"""

import itertools
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

_plain_body: Final[ContextVar[bool]] = ContextVar("plain_body", default=False)


def lean_logging_class(litellm: Any) -> Any:
    """The class, made once litellm is imported."""
    from litellm.litellm_core_utils.litellm_logging import Logging

    class LeanLogging(Logging):  # type: ignore[misc]
        """Keeps what translation needs; drops pricing, callbacks and payload building."""

        numbers = itertools.count(1)

        def pre_call(self, *args: Any, **kwargs: Any) -> None:
            return None

        def post_call(self, original_response: Any, *args: Any, **kwargs: Any) -> None:
            self.model_call_details["original_response"] = original_response

        def response_cost_calculator(self, *args: Any, **kwargs: Any) -> None:
            return None

        def success_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        def failure_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def async_success_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def async_failure_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def dispatch_success_handlers(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def dispatch_failure_handlers(self, *args: Any, **kwargs: Any) -> None:
            return None

        def should_run_logging(self, *args: Any, **kwargs: Any) -> bool:
            return False

    return LeanLogging


def lean_logging(cls: Any, model: str, messages: list[dict[str, Any]], *, stream: bool) -> Any:
    """One call's logging object."""
    now = datetime.now(UTC).replace(tzinfo=None)  # litellm subtracts naive times
    call_id = f"lean-{next(cls.numbers)}"  # nobody reads it; a random one costs a system call
    return cls(
        model=model,
        messages=messages,
        stream=stream,
        call_type="acompletion",
        start_time=now,
        litellm_call_id=call_id,
        function_id=call_id,
    )


def plain_bodies(wanted: bool) -> None:
    """Whether the calls this task makes from here on send their bodies as they are."""
    _plain_body.set(wanted)


def let_plain_bodies_pass() -> None:
    """Put the short way into the OpenAI SDK, once per process; `plain_bodies` says who takes it."""
    from openai import NotGiven, Omit
    from openai.resources.chat.completions import completions

    module: Any = completions  # what it imports is not declared as its own
    walk = module.async_maybe_transform
    if getattr(walk, "passes_plain_bodies", False):
        return

    async def transform(data: Any, expected_type: Any) -> Any:
        if not _plain_body.get():
            return await walk(data, expected_type)
        return {name: value for name, value in data.items() if not isinstance(value, NotGiven | Omit)}

    transform.passes_plain_bodies = True  # type: ignore[attr-defined]
    module.async_maybe_transform = transform
