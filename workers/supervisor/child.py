"""A worker's life after the fork: its line to the controller, its beats, its end when the controller is gone."""

import asyncio
import faulthandler
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import ServiceError
from shared.settings import Settings
from watchkeeper.errors import StoreUnavailable, WatchkeeperError
from workers.equipment import Equipment
from workers.supervisor.member import UNREACHABLE
from workers.worker import Worker

log = structlog.get_logger()

_BEAT_SECONDS: Final = 1.0
_EARLY_SECONDS: Final = 0.1  # in its first seconds it counts whether a worker was of use before it died
_EARLY_BEATS: Final = 20
# Internal: so SQLAlchemy calls it when PostgreSQL ended our session, because we were stopped in a transaction.
_STORE_ERRORS: Final = (OperationalError, InterfaceError, InternalError, PoolTimeout, RedisError)
_ORPHAN_SECONDS: Final = 3.0  # an orphan hands back what it can, and then it ends, whatever hangs


def live(settings: Settings, equipment: Equipment, order: dict[str, Any], end: socket.socket) -> int:
    """Be the worker that `order` describes; the exit status."""
    incarnation = str(order["fork"])
    faulthandler.register(signal.SIGUSR2, file=sys.stderr, all_threads=True)
    line = OwnerLine(end)
    line.tell(hello=os.getpid())
    worker = Worker(
        settings,
        incarnation=incarnation,
        supervisor=order["supervisor"],
        alone_with=order["alone_with"],
        owner=line,
        equipment=equipment,
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    for number in (signal.SIGINT, signal.SIGHUP):  # the controller's business
        signal.signal(number, signal.SIG_IGN)
    line.listen(worker)
    try:
        return worker.run()
    except (ServiceError, WatchkeeperError) as error:
        log.error("worker.start_failed", error=str(error), advice="the text says what to do; it is tried again")
        unreachable = isinstance(error, StoreUnavailable) or (
            isinstance(error, ServiceError) and error.exit_code == UNREACHABLE
        )
        return UNREACHABLE if unreachable else 1
    except _STORE_ERRORS as error:  # it went away, or was locked, between the checks and the first write
        told = str(getattr(error, "orig", None) or error).strip().splitlines()
        log.error(
            "worker.start_failed",
            error=f"{type(error).__name__}: {told[0] if told else ''}",
            advice="a store went away while it started; it is tried again",
        )
        return UNREACHABLE


class OwnerLine:
    """The worker's end of its line (`workers.owner.Owner`)."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._lock = threading.Lock()  # beats come from the event loop, the rest from the main thread
        self._ear: socket.socket | None = None
        self._listener: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._let_go)

    def tell(self, **message: Any) -> None:
        """Send; who does not listen any more is noticed by `listen`."""
        with self._lock:
            try:
                self._socket.send(json.dumps(message).encode() + b"\n")
            except OSError as error:
                log.debug("worker.line_down", error=str(error))

    def ready(self) -> None:
        """See Owner."""
        self.tell(ready=True)

    def leaving(self) -> None:
        """See Owner."""
        self.tell(leaving=True)

    async def beat(self, ailing: Callable[[], str | None], useful: Callable[[], bool]) -> None:
        """See Owner."""
        early = _EARLY_BEATS
        while True:
            what = ailing() or self._deaf()
            if what is None:
                self.tell(beat=True, useful=useful())
            else:
                self.tell(ailing=what)
            early = 0 if useful() else max(0, early - 1)
            await asyncio.sleep(_EARLY_SECONDS if early else _BEAT_SECONDS)

    def listen(self, worker: Worker) -> None:
        """From now on a thread hears what the controller says, and that it is no more."""
        self._ear = self._socket.dup()
        self._listener = threading.Thread(target=_listen, args=(self._ear, worker), name="owner-line", daemon=True)
        self._listener.start()

    def _deaf(self) -> str | None:
        return None if self._listener is None or self._listener.is_alive() else "the thread of its line died"

    def _let_go(self) -> None:
        # A process that a tool forks is no worker: it must not hold the line open when the worker is dead, and a TERM
        # ends it.
        self._socket.close()
        if self._ear is not None:
            self._ear.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _listen(end: socket.socket, worker: Worker) -> None:
    words = {"drain": worker.drain, "hurry": worker.hurry}
    heard = b""
    while True:
        data = _received(end)
        if not data:
            break
        *lines, heard = (heard + data).split(b"\n")
        for line in lines:
            words[json.loads(line)["say"]]()
    log.error("worker.orphaned", advice="its supervisor is gone: running jobs go back, this process ends")
    worker.orphaned()
    threading.Event().wait(_ORPHAN_SECONDS)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with what its tools have started
    os._exit(1)


def _received(end: socket.socket) -> bytes:
    """What the controller said; nothing = it is gone."""
    while True:
        select.select([end], [], [])
        try:
            return end.recv(4096)
        except BlockingIOError:
            continue
        except OSError:
            return b""
