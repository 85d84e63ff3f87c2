"""Real processes of one installation: started, looked at, ended, and none left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]  # it ships no types

from tests.waiting import wait_until

_WATCHKEEPER = str(Path(sys.executable).with_name("watchkeeper"))
_END_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """One process; stdout and stderr go into files, so that it never waits for a reader."""

    popen: "subprocess.Popen[bytes]"
    stdout: Path
    stderr: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.popen.pid

    def output(self) -> str:
        """All it has written so far."""
        return self.stdout.read_text() + self.stderr.read_text()

    def says(self, words: str, timeout: float = 30.0) -> None:
        """Return once it has written `words`."""

        def said() -> bool:
            assert self.popen.poll() is None or words in self.output(), self.output()
            return words in self.output()

        wait_until(said, timeout)

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait(_END_SECONDS)

    def ended(self, timeout: float = _END_SECONDS) -> int:
        """Its exit code, once it has one."""
        return self.popen.wait(timeout)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()


@dataclass(slots=True)
class Processes:
    """Starts processes in `folder` (working directory and WATCHKEEPER_HOME) with `environ` and nothing else.

    Leaving the `with` block kills what still runs and fails when something was left that nobody owns.
    """

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    started: list[Running] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The installation's WATCHKEEPER_HOME; it tells its processes from all others."""
        return self.folder / "home"

    def room(self, name: str, *arguments: str, **environ: str) -> Running:
        """`python -P -m name`."""
        return self._start([sys.executable, "-P", "-m", name, *arguments], environ)

    def elsewhere(self, *command: str, **environ: str) -> Running:
        """Any command, e.g. one that enters another namespace first."""
        return self._start(list(command), environ)

    def script(self, path: Path, **environ: str) -> Running:
        """`python path`."""
        return self._start([sys.executable, str(path)], environ)

    def watchkeeper(self, *arguments: str, **environ: str) -> Running:
        """The command line."""
        return self._start([_WATCHKEEPER, *arguments], environ)

    def output(self) -> str:
        """All that all of them have written."""
        return "".join(running.output() for running in self.started)

    def alive(self) -> list[psutil.Process]:
        """Every process of this installation, whoever started it."""
        return [process for process in psutil.process_iter() if _home_of(process) == str(self.home)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self.started:
            if running.popen.poll() is None:
                running.kill()
        try:
            wait_until(lambda: not self.alive(), _END_SECONDS)
        finally:
            for orphan in self.alive():
                orphan.kill()

    def _start(self, command: list[str], environ: Mapping[str, str]) -> Running:
        number = len(self.started)
        stdout, stderr = (self.folder / f"{number}.{name}" for name in ("out", "err"))
        ambient = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        with stdout.open("wb") as out, stderr.open("wb") as err:
            popen = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**ambient, **self.environ, "WATCHKEEPER_HOME": str(self.home), **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.started.append(Running(popen, stdout, stderr))
        return self.started[-1]


def _home_of(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        home: str | None = process.environ().get("WATCHKEEPER_HOME")
        return home
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None
