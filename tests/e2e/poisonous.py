"""A tool that ends the process it runs in, as a native library does that breaks."""

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
        # To this very thread: sent to the process, another thread may take it, and until that one runs this one
        # goes on, returns, and its step is stored.
        signal.raise_signal(signal.SIGSEGV)
    return "it holds"
