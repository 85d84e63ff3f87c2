"""The tools of a chaos job. What they did is told to a file that only grows, outside the system under test."""

import ctypes
import os

from tests.chaos.points import reached  # the points are put around the worker that loads these tools
from watchkeeper import ToolContext, tool

CRASHES = "crashes"
"""In a job's metadata: its second tool ends the process it runs in."""


@tool(repeatable=False)
def note(ctx: ToolContext) -> str:
    """Write one line about this job that must never be written twice."""
    line = f"{ctx.job_id} {ctx.step}\n".encode()
    journal = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(journal, line)  # one write of a short line is atomic
    finally:
        os.close(journal)
    reached("in_tool")
    return "noted"


@tool
def look(ctx: ToolContext) -> str:
    """Look at something; looking twice does no harm."""
    if ctx.metadata.get(CRASHES):
        ctypes.string_at(0)  # as a native library does that breaks
    reached("in_tool")
    return f"step {ctx.step} looked"
