"""A litellm logging object that skips litellm's own cost and callback work: about a third of a call's CPU.

litellm accepts `litellm_logging_obj=`, but the class is not public: the version is pinned, a contract test compares
both ways, and `WATCHKEEPER_LEAN_LITELLM=off` switches back (docs/adr/0005).
"""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


def lean_logging_class(litellm: Any) -> Any:
    """The class, made once litellm is imported."""
    from litellm.litellm_core_utils.litellm_logging import Logging

    class LeanLogging(Logging):  # type: ignore[misc]
        """Keeps what translation needs; drops pricing, callbacks and payload building."""

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
    call_id = str(uuid4())
    return cls(
        model=model,
        messages=messages,
        stream=stream,
        call_type="acompletion",
        start_time=now,
        litellm_call_id=call_id,
        function_id=call_id,
    )
