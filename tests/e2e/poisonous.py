"""A tool that ends the process it runs in, as a native library does that breaks."""

import os
import signal

from watchkeeper import tool


@tool
def segfault() -> str:
    """Break."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return "never said"
