"""No process outlives the one that owns it."""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_POLL_SECONDS: Final = 1.0


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Have this process signalled when its parent dies: by the kernel on Linux, by looking elsewhere."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    else:
        threading.Thread(target=_watch, args=(parent, number), name="parent-watch", daemon=True).start()
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), number)


@contextmanager
def dying_with_parent() -> Iterator[None]:
    """SIGKILL for this process when its parent dies meanwhile; afterwards it may live on. Linux only."""
    if sys.platform != "linux":
        yield  # without the kernel it would take a thread, which a process that forks must not have
        return
    die_with_parent(signal.SIGKILL)
    try:
        yield
    finally:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0)


def _watch(parent: int, number: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), number)
