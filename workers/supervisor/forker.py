"""`python -m workers.supervisor.forker`: warmed once, it forks a worker whenever the controller asks for one.

Single-threaded, for what a fork copies is only the thread that forks; a lock held by another one would stay locked in
every worker. It holds no connection either. Its death costs nothing but the next start: the workers live on, each
watched by the controller over its own line.
"""

import argparse
import contextlib
import os
import select
import selectors
import signal
import socket
import sys
from typing import Any, Final

import structlog

from shared.clock import Clock, SystemClock
from shared.errors import ServiceError
from shared.logs import configure_logging
from shared.parent import dying_with_parent
from shared.settings import Settings, load_settings
from workers.equipment import Equipment
from workers.supervisor.child import live
from workers.supervisor.line import Line
from workers.supervisor.process_group import kill_group
from workers.supervisor.warming import warm_up

log = structlog.get_logger()

_ORPHAN_SECONDS: Final = 4.0  # workers that outlive the controller longer than this are killed


class Forker:
    """Serves until the controller's end of the line closes."""

    def __init__(
        self,
        settings: Settings,
        equipment: Equipment,
        control: socket.socket,
        *,
        clock: Clock,
        log_fields: dict[str, Any],
    ) -> None:
        """`log_fields`: what every log event carries; a worker puts its own there."""
        self._settings = settings
        self._equipment = equipment
        self._log_fields = log_fields
        self._control = control
        self._line = Line(control)
        self._clock = clock
        self._children: dict[int, str] = {}
        self._bell, self._ring = socket.socketpair()
        self._ring.setblocking(False)

    def run(self, *, warmed_in: float) -> int:
        """Fork and reap; then see that no worker stays behind. `warmed_in` seconds, for the log."""
        self._line.tell(warm=True, seconds=round(warmed_in, 2))
        signal.signal(signal.SIGCHLD, self._child_ended)
        with selectors.DefaultSelector() as selector:
            selector.register(self._line, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            is_open = True
            while is_open:
                for key, _ in selector.select():
                    if key.fileobj is self._bell:
                        self._bell.recv(4096)
                        self._reap()
                    else:
                        is_open = self._serve(selector)
        self._end_orphans()
        return 0

    def _serve(self, selector: selectors.BaseSelector) -> bool:
        orders, is_open = self._line.hear()
        ends = [socket.socket(fileno=descriptor) for descriptor in self._line.take_descriptors()]
        for order in orders:
            end = ends.pop(0)
            # What only the forker may hold: a worker that kept another's end would hide that one's death.
            foreign = [self._control, self._bell, self._ring, *ends]
            try:
                pid = os.fork()
            except OSError as error:
                self._line.tell(unforked=order["fork"], why=str(error))
            else:
                if pid == 0:
                    self._log_fields.update(room="worker", slot=order["slot"])
                    _become(self._settings, self._equipment, order, end, foreign, selector)
                self._children[pid] = order["fork"]
            end.close()
        return is_open

    def _child_ended(self, *_: Any) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it is being read anyhow
            self._ring.send(b"!")

    def _reap(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                kill_group(pid)
                self._line.tell(reaped=self._children.pop(pid), code=os.waitstatus_to_exitcode(status))

    def _end_orphans(self) -> None:
        begun = self._clock.monotonic()
        while self._children and self._clock.monotonic() - begun < _ORPHAN_SECONDS:
            if select.select([self._bell], [], [], 0.1)[0]:
                self._bell.recv(4096)
            self._reap()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
            kill_group(pid)


def _become(
    settings: Settings,
    equipment: Equipment,
    order: dict[str, Any],
    end: socket.socket,
    foreign: list[socket.socket],
    selector: selectors.BaseSelector,
) -> None:
    """Be the worker, and never come back from it: this stack belongs to the forker."""
    code, forker = 1, os.getppid()
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with contextlib.suppress(OSError):  # a kqueue (macOS) is not copied by a fork
            selector.close()
        for stranger in foreign:
            stranger.close()
        code = live(settings, equipment, order, end)
    except BaseException:
        log.exception("worker.broke")
    finally:
        with contextlib.suppress(OSError):  # a full disk
            sys.stderr.flush()
        if os.getppid() != forker:  # it is dead, and sees to no group
            os.killpg(0, signal.SIGKILL)
        os._exit(code)


def main() -> int:
    """Warm up, say so, serve."""
    parser = argparse.ArgumentParser(prog="watchkeeper worker (forker)")
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--kinds", default="")
    options = parser.parse_args()
    # The controller's business. TERM too: a service manager may send it to all, and the forker is needed to the end.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    settings, clock = load_settings(), SystemClock()
    log_fields = configure_logging(room="forker", format=settings.log_format, level=settings.log_level)
    control = socket.socket(fileno=options.control)
    begun = clock.monotonic()
    try:
        with dying_with_parent():  # a module that hangs when it is imported never looks at the line
            if select.select([control], [], [], 0)[0]:
                return 0  # the controller died before we could ask to die with it; it says nothing this early
            equipment = warm_up(settings, filter(None, options.kinds.split(",")))
    except ServiceError as error:
        log.error("forker.start_failed", error=str(error), advice="no worker starts before that is mended")
        return 1
    forker = Forker(settings, equipment, control, clock=clock, log_fields=log_fields)
    return forker.run(warmed_in=clock.monotonic() - begun)


if __name__ == "__main__":
    sys.exit(main())
