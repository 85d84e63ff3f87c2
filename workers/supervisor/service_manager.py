"""systemd's notifications, for units of Type=notify; nothing happens where NOTIFY_SOCKET is not set."""

import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger()


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

    def tell(self, **state: str | int) -> None:
        """`tell(READY=1, STATUS="2 of 2 ready")`. A manager that does not listen does not hinder us."""
        if not self._address:
            return
        lines = "\n".join(f"{name}={value}" for name, value in state.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.setblocking(False)
            try:
                end.sendto(lines.encode(), self._address)
            except OSError as error:
                log.debug("supervisor.manager_deaf", error=str(error))

    def alive(self, now: float, status: str) -> None:
        """Feed its watchdog when that is due; `now` in monotonic seconds."""
        if self.watchdog_seconds is not None and now - self._fed_at >= self.watchdog_seconds:
            self._fed_at = now
            self.tell(WATCHDOG=1, STATUS=status)
