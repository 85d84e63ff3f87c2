"""A worker leads a process group of its own: what its tools have started and not detached ends with it."""

import os
import signal
from contextlib import suppress


def kill_group(worker: int) -> None:
    """SIGKILL to the group that this process leads, or led. No other group has its number while one of it lives."""
    with suppress(ProcessLookupError, PermissionError):  # nobody is left; or it is somebody else's now
        os.killpg(worker, signal.SIGKILL)
