"""``python -m sandbox``: parse the command line, refuse what is unsafe, run."""

import argparse
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from sandbox.admin import is_loopback
from sandbox.plan import PlanError
from sandbox.playbook import read_script
from sandbox.server import Options, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 stopped as asked, 1 cannot listen, 2 wrong usage or script."""
    given = _parser().parse_args(arguments)
    if not given.public and not is_loopback(given.host):
        return _complain(f"--host {given.host} is reachable by other machines: use 127.0.0.1, or add --public", 2)
    if given.stop_on_eof and not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return _complain("--stop-on-eof: stdin must be a pipe held open by whoever started this", 2)
    try:
        plans = read_script(given.script) if given.script else {}
    except PlanError as problem:
        return _complain(f"--script {given.script}: {problem}", 2)
    options = Options(given.host, given.port, given.port_file, plans, given.stop_on_eof, given.lifelike)
    try:
        uvloop.run(serve(options))
    except OSError as problem:
        return _complain(f"cannot listen on {given.host} port {given.port}: {problem}", 1)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sandbox", description="A local LLM provider with scripted faults.")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to bind (%(default)s)")
    parser.add_argument("--port", type=_port, default=8790, help="0 takes a free one (%(default)s)")
    parser.add_argument("--port-file", type=Path, help="write the bound port here")
    parser.add_argument("--script", type=Path, help="JSON file with the plans to start with")
    parser.add_argument("--public", action="store_true", help="allow an address other machines can reach")
    parser.add_argument("--lifelike", action="store_true", help="call each tool once, answer at a reading pace")
    parser.add_argument("--stop-on-eof", action="store_true", help="stop when stdin ends: no orphan is left")
    return parser


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: use 0 to 65535")


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"sandbox: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
