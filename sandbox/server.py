"""The running server: composes the parts, binds, announces itself, and stops on a signal."""

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.admin import Admin
from sandbox.answers.book import AnswerBook
from sandbox.conversation import reply_to
from sandbox.desk import Clock, Desk
from sandbox.ledger import Ledger
from sandbox.lifelike import lifelike_reply
from sandbox.plan import Plan
from sandbox.playbook import Playbook, Target
from sandbox.routes import Routes

_MAX_BODY = 64 * 1024 * 1024
_BACKLOG = 4096
_STOP_SECONDS = 0.5  # hanging handlers never end by themselves


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen (port 0: any free one) and what to do from the start."""

    host: str
    port: int
    port_file: Path | None
    plans: Mapping[Target, Plan]
    stop_on_eof: bool
    lifelike: bool = False


def build_app(plans: Mapping[Target, Plan], *, clock: Clock, run: str, lifelike: bool = False) -> web.Application:
    """The application without a socket."""
    answers = AnswerBook(Path(__file__).parent / "answers")
    desk = Desk(Playbook(plans), Ledger(), answers, clock, run, lifelike_reply if lifelike else reply_to)
    app = web.Application(client_max_size=_MAX_BODY)
    Admin(desk).add_to(app)
    Routes(desk).add_to(app)
    return app


async def serve(options: Options) -> None:
    """Runs until SIGTERM, SIGINT, or the end of stdin when asked to watch it.

    Raises:
        OSError: the address cannot be bound, or the port file cannot be written.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = Clock(lambda: time.time_ns() // 1_000, lambda: time.monotonic_ns() // 1_000_000)
    app = build_app(options.plans, clock=clock, run=secrets.token_hex(5), lifelike=options.lifelike)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, options.host, options.port, backlog=_BACKLOG)
        await site.start()
        _announce(options, _port_of(runner))
        if options.stop_on_eof:
            await loop.connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)
        await stop.wait()
    finally:
        await runner.cleanup()


class _UntilEnd(asyncio.Protocol):
    """Sets the event when the other end of a pipe is gone: whoever started us has died."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop.set()


def _port_of(runner: web.AppRunner) -> int:
    address = runner.addresses[0]
    return int(address[1])


def _announce(options: Options, port: int) -> None:
    """One JSON line on stdout; then the port file, complete or not there at all."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    line = {"event": "sandbox_listening", "host": options.host, "port": port, "url": f"http://{host}:{port}"}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    if options.port_file is not None:
        draft = options.port_file.with_name(f".{options.port_file.name}.{os.getpid()}")
        draft.write_text(f"{port}\n", encoding="ascii")
        draft.replace(options.port_file)
