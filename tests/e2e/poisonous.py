"""A tool that ends the process it runs in, as a native library does that breaks."""

import os
import signal
from pathlib import Path

from watchkeeper import ToolContext, tool


@tool
def segfault(context: ToolContext) -> str:
    """Break; a job that says so in its metadata only a number of times."""
    book = Path(f"crashes-of-{context.job_id}")
    crashed = len(book.read_text()) if book.exists() else 0
    if crashed < context.metadata.get("crashes", 100):
        book.write_text("x" * (crashed + 1))
        os.kill(os.getpid(), signal.SIGSEGV)
    return "it holds"
