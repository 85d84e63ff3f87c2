"""systemd's notifications, for units of Type=notify; nothing happens where NOTIFY_SOCKET is not set."""

import os
import socket
from collections.abc import Mapping
from typing import Final

import structlog

log = structlog.get_logger()

PATIENCE_SECONDS: Final = 60.0
"""With some workers ready and others not so long, the start is over: the manager kills who is never ready."""
STOP_SECONDS: Final = 35.0
"""What a stop may take beyond the drain: jobs are handed back, the workers end, then forker and supervisor."""


class ServiceManager:
    """Says what we are up to, by a datagram."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog = environ.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(watchdog) / 1_000_000 / 2 if ours and watchdog.isdigit() else None
        """How often `WATCHDOG=1` is due: half of what the manager allows. None: it does not watch."""
        self._fed_at = float("-inf")
        self._serves_since: float | None = None
        self._told_ready = False

    def tell(self, **state: str | int) -> None:
        """`tell(READY=1, STATUS="2 of 2 ready")`. A manager that does not listen does not hinder us."""
        if not self._address:
            return
        lines = "\n".join(f"{name}={value}" for name, value in state.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.setblocking(False)
                end.sendto(lines.encode(), self._address)
        except OSError as error:
            log.debug("supervisor.manager_deaf", error=str(error))

    def alive(self, now: float, status: str) -> None:
        """Feed its watchdog when that is due; `now` in monotonic seconds."""
        if self.watchdog_seconds is not None and now - self._fed_at >= self.watchdog_seconds:
            self._fed_at = now
            self.tell(WATCHDOG=1, STATUS=status)

    def serving(self, now: float, status: str, *, all_ready: bool) -> None:
        """Some workers take jobs, or all: READY=1, once. For some only after `PATIENCE_SECONDS` of them.

        A unit that is not ready when its start's time is up is killed, and those that serve with it.
        """
        if self._serves_since is None:
            self._serves_since = now
        if not self._told_ready and (all_ready or now - self._serves_since >= PATIENCE_SECONDS):
            self._told_ready = True
            self.tell(READY=1, STATUS=status)

    def stopping(self, drain_seconds: float) -> None:
        """A stop begins that may take the drain and `STOP_SECONDS`, however short the unit's own limit is."""
        self.tell(STOPPING=1, EXTEND_TIMEOUT_USEC=round((drain_seconds + STOP_SECONDS) * 1_000_000))
