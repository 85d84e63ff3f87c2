"""A call as the agent loop makes it."""

from collections.abc import Callable
from typing import Any

from watchkeeper import ToolContext, tool
from watchkeeper.tools import MARK
from workers.tools.loading import make_tool
from workers.tools.registry import Tool


def made(function: Callable[..., Any], **options: Any) -> Tool:
    """The tool that `function` is, marked with `options`."""
    marked = tool(**options)(function)
    return make_tool(marked, getattr(marked, MARK))


def a_context(step: int = 2) -> ToolContext:
    """What the tool is told."""
    return ToolContext("job", "default", step, "call_1", f"job:{step}")
