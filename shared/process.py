"""How every process of the service begins and ends: settings, logs, signals, exit code."""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol

from shared.errors import ServiceError
from shared.logs import configure_logging
from shared.parent import die_with_parent
from shared.settings import Settings, load_settings
from watchkeeper.errors import StoreUnavailable, WatchkeeperError

_LINGER_SECONDS: Final = 5.0


class Process(Protocol):
    """Something that runs until it is told to stop."""

    def run(self) -> int:
        """Run; the exit code."""
        ...

    def stop(self) -> None:
        """End; safe in a signal handler, a second call hurries."""
        ...


def run_process(
    room: str,
    build: Callable[[Settings, argparse.Namespace], Process],
    *,
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None,
) -> int:
    """Build and run until SIGTERM or SIGINT. What hinders the start is told on stderr in words.

    Args:
        arguments: adds the room's own to the parser.
    """
    parser = argparse.ArgumentParser(prog=f"watchkeeper {room}")
    arguments(parser)
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    options = parser.parse_args()
    try:
        settings = load_settings()
        configure_logging(room=room, format=settings.log_format, level=settings.log_level)
        if options.die_with_parent:
            die_with_parent()
        process = build(settings, options)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.stop())
        code = process.run()
        _end_surely(code)
        return code
    except (ServiceError, WatchkeeperError) as error:
        sys.stderr.write(f"watchkeeper {room}: {error}\n")
        if isinstance(error, ServiceError):
            return error.exit_code
        return 3 if isinstance(error, StoreUnavailable) else 1


def _end_surely(code: int) -> None:
    """All is said and stored: neither a thread that waits for a store that hangs nor the walk of Python's collector
    through all that was imported (0.3 s, and 1 s on a busy host) may hold up the process's end.
    """
    gc.freeze()
    timer = threading.Timer(_LINGER_SECONDS, os._exit, (code,))
    timer.daemon = True
    timer.start()
