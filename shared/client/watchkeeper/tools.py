"""Tools for agents: mark a function, and the workers that load its module offer it to the model.

    from watchkeeper import ToolContext, tool

    @tool
    def add(a: int, b: int) -> int:
        \"\"\"Add two numbers.\"\"\"
        return a + b

    @tool(repeatable=False, timeout_seconds=10, reconcile=find_mail)
    async def send_mail(to: str, text: str, context: ToolContext) -> str:
        \"\"\"Send a mail.

        Args:
            to: Address of the recipient.
            text: What to say.
        \"\"\"

The marked function stays what it was: it may be called and tested as before. See docs/tools.md.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

MARK: Final = "__watchkeeper_tool__"
"""The attribute of a marked function that holds its `Marked`."""

DEFAULT_TIMEOUT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool is told about the call. A parameter annotated with this class receives it; the model never sees it.

    `idempotency_key` is the same when a rescued job runs this call again: hand it to whoever must not act twice.
    `metadata` is what the backend enqueued the job with. `cancelled` is set when nobody waits for the result any
    longer (time limit, cancelled job): a sync tool that takes long should look at it.
    """

    job_id: str
    agent: str
    step: int
    tool_call_id: str
    idempotency_key: str
    metadata: dict[str, Any] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Marked:
    """How a function is to be offered."""

    name: str | None
    repeatable: bool
    timeout_seconds: float
    reconcile: Callable[..., Any] | None


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *,
    name: str | None = None,
    repeatable: bool = True,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    reconcile: Callable[..., Any] | None = None,
) -> Callable[[F], F]: ...


def tool(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    repeatable: bool = True,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    reconcile: Callable[..., Any] | None = None,
) -> F | Callable[[F], F]:
    """Mark a function, sync or async, as a tool. Its signature and docstring tell the model how to use it.

    Args:
        function: The function, when used without parentheses.
        name: What the model calls it; the function's name by default.
        repeatable: False for a tool that must not act twice (mail, payment). When its worker dies in the middle it
            is not run again: `reconcile` decides, else the model is told that the outcome is unknown.
        timeout_seconds: After this long the model is told that it did not finish.
        reconcile: `reconcile(context, **arguments)` -> the result of a call that was started and not seen to
            finish, or None when that cannot be told. Sync or async.

    Raises:
        ValueError: `timeout_seconds` is not above 0.
    """
    if not timeout_seconds > 0:
        raise ValueError(f"timeout_seconds={timeout_seconds!r}: a tool needs more than 0 seconds")
    marked = Marked(name, repeatable, float(timeout_seconds), reconcile)

    def mark(function: F) -> F:
        setattr(function, MARK, marked)
        return function

    return mark if function is None else mark(function)
