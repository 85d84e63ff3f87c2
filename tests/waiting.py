"""Waiting for what another thread or process does, without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(predicate: Callable[[], Found], timeout: float = 10.0) -> Found:
    """Ask `predicate` until its answer is true, and return that; `timeout` in seconds.

    Raises:
        AssertionError: it was never true in time.
    """
    end = time.monotonic() + timeout
    while not (found := predicate()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {getattr(predicate, '__qualname__', predicate)}")
        time.sleep(0.005)
    return found
