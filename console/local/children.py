"""Child processes that cannot outlive us, with a restart budget."""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from shared.clock import Clock
from shared.parent import die_with_parent

log = structlog.get_logger()

_BACKOFF_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_STABLE_SECONDS: Final = 60.0  # after this long its earlier deaths are forgotten


def room_command(room: str, *arguments: str) -> list[str]:
    """How a room's process is started: executed, never imported; -P keeps a foreign folder of that name out."""
    return [sys.executable, "-P", "-m", room, *arguments]


def _tie() -> None:
    die_with_parent(signal.SIGTERM)


class Child:
    """One process that is started again when it ends by itself, later and later, and at last given up."""

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str]],
        *,
        environ: Mapping[str, str],
        clock: Clock,
        died: Callable[[int], None] | None = None,
        ties: bool = False,
        mute: bool = False,
    ) -> None:
        """Describe it; `start` or `check` starts it.

        Args:
            command: asked before every start.
            died: hears the exit code of a process that was not stopped.
            ties: have the kernel kill it with us, for a program that cannot see to it itself (Linux).
            mute: its stdout is for programs and not shown; stderr always is.
        """
        self.name = name
        self._command = command
        self._environ = dict(environ)
        self._clock = clock
        self._died = died
        self._ties = ties
        self._mute = mute
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at: float | None = 0.0
        self._deaths = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def given_up(self) -> bool:
        """True when it died too often."""
        return self._process is None and self._start_at is None

    def start(self) -> None:
        """Start it now."""
        # A new session: Ctrl-C in the terminal reaches only us, and we end the others in order.
        self._process = subprocess.Popen(
            self._command(),
            env=self._environ,
            stdout=subprocess.DEVNULL if self._mute else sys.stderr,
            start_new_session=True,
            preexec_fn=_tie if self._ties else None,
        )
        self._started_at, self._start_at = self._clock.monotonic(), None
        log.info("process.started", process=self.name, pid=self._process.pid)

    def check(self) -> None:
        """Notice a death, start again when it is time."""
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._bury(code)
        elif self._start_at is not None and self._clock.monotonic() >= self._start_at:
            self.start()

    def signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self, timeout: float) -> None:
        """TERM, wait, KILL."""
        self.signal(signal.SIGTERM)
        self.await_end(timeout)

    def await_end(self, timeout: float) -> None:
        """Wait for the end it was told to come to; KILL when that takes longer than `timeout` seconds."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            log.warning("process.killed", process=self.name, pid=self._process.pid, waited_seconds=timeout)
            self._process.kill()
            self._process.wait()
        self._process = None

    def _bury(self, code: int) -> None:
        self._process = None
        lived = self._clock.monotonic() - self._started_at
        self._deaths = 1 if lived > _STABLE_SECONDS else self._deaths + 1
        if self._died is not None:
            self._died(code)
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        if self._deaths > len(_BACKOFF_SECONDS):
            log.error(
                "process.given_up", process=self.name, why=why, deaths=self._deaths, advice="see its last lines"
            )
            return
        pause = _BACKOFF_SECONDS[self._deaths - 1]
        log.error(
            "process.died",
            process=self.name,
            why=why,
            lived_seconds=round(lived, 1),
            restart_in_seconds=pause,
            advice="it is started again; its last lines tell why, or a signal that somebody sent",
        )
        self._start_at = self._clock.monotonic() + pause
