"""The tools of a chaos job. What they did is told to a file that only grows, outside the system under test."""

import os

import tests.chaos.points  # noqa: F401 - puts the points around the worker that loads these tools
from watchkeeper import ToolContext, tool


@tool(repeatable=False)
def note(ctx: ToolContext) -> str:
    """Write one line about this job that must never be written twice."""
    line = f"{ctx.job_id} {ctx.step}\n".encode()
    journal = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(journal, line)  # one write of a short line is atomic
    finally:
        os.close(journal)
    return "noted"


@tool
def look(ctx: ToolContext) -> str:
    """Look at something; looking twice does no harm."""
    return f"step {ctx.step} looked"
