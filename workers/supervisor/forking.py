"""The controller's side of the forker: started, asked, and started again when it dies."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from shared.clock import Clock
from workers.supervisor.line import Line, line_pair

log = structlog.get_logger()

_PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 5.0)
_FAILING_SECONDS: Final = 30.0  # then on and on at this pace, for as long as workers live that it may replace
_LAST_SECONDS: Final = 2.0  # from its line's end to its own: it says why it ends, and tears down what it imported
_WARM_SECONDS: Final = 120.0  # importing litellm takes 2-4 s; a loaded machine may take long, but not for ever


class Forking:
    """One forker at a time."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = dict(environ)
        self.kinds: Sequence[str] = ()
        """The wire formats it warms up."""

        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._lost_at = 0.0
        self._deaths = 0
        self.line: Line | None = None
        self.warm = False
        self._was_warm = False
        self.failing: str | None = None
        """That it does not come up, in words; it is tried all the same."""

    def start(self) -> None:
        """Start one; it says `warm` on its line when it can fork."""
        self._started_at = self._clock.monotonic()
        ours: Line | None = None
        try:
            ours, theirs = line_pair()
            with theirs:
                self._process = subprocess.Popen(
                    [
                        sys.executable, "-P", "-m", "workers.supervisor.forker",
                        "--control", str(theirs.fileno()), "--kinds", ",".join(self.kinds),
                    ],
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C in a terminal is for the controller alone
                )  # fmt: skip
        except OSError as error:  # no memory, process or file left: the workers that live must not pay for it
            if ours is not None:
                ours.close()
            self._bury(f"it could not be started: {error}", self._started_at)
            return
        self.line = ours
        log.info("forker.started", pid=self._process.pid)

    def fork(self, end: int, **order: Any) -> bool:
        """Ask for a worker with the file descriptor `end` as its line. False when there is no forker that reads."""
        return self.line is not None and self.line.tell(descriptor=end, **order)

    def heard_warm(self, seconds: float) -> None:
        """It can fork now."""
        self.warm = self._was_warm = True
        self.failing = None
        log.info("forker.warm", pid=self._process.pid if self._process else None, seconds=seconds)

    def kill(self, why: str) -> None:
        """SIGKILL; `check` starts another."""
        if self._process is not None:
            log.error("forker.killed", pid=self._process.pid, why=why)
            self._process.kill()

    def lost(self, line: Line) -> None:
        """Its `line` closed: it is dead, or as good as dead."""
        if self.line is line:
            self.line = None
            self.warm = False
            self._lost_at = self._clock.monotonic()

    def check(self) -> bool:
        """Notice its death (True), and start another when it is time."""
        now = self._clock.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._bury(f"exit status {code}", now)
                return True
            if self.line is None:
                if now - self._lost_at > _LAST_SECONDS:
                    self.kill("its line closed, and it lives")
            elif not self.warm and now - self._started_at > _WARM_SECONDS:
                self.kill(f"not warm after {_WARM_SECONDS:g} s")
        elif now >= self._start_at:
            self.start()
        return False

    def close(self, timeout: float) -> None:
        """Let it end: its line closes. It is killed when that takes longer than `timeout` seconds."""
        if self.line is not None:
            self.line.close()
            self.line = None
        if self._process is not None:
            if not self._was_warm:  # it has forked nobody, and looks at its line only when all is imported
                self._process.kill()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _bury(self, why: str, now: float) -> None:
        pid = self._process.pid if self._process else None
        self._process = None
        self._deaths = 0 if self._was_warm else self._deaths + 1
        self.warm = self._was_warm = False
        self.line = None  # closed by who reads it, once it has been read to its end
        pause = _FAILING_SECONDS
        if self._deaths >= len(_PAUSES):
            self.failing = f"the forker does not come up: {self._deaths} died while warming, the last: {why}"
        else:
            pause = _PAUSES[self._deaths]
        self._start_at = now + pause
        log.error(
            "forker.died",
            pid=pid,
            why=why,
            restart_in_seconds=pause,
            advice="the workers go on; none can be started until the next forker is warm",
        )
