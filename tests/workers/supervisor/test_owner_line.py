"""The worker's end of its line, in a process that lives on."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from shared.settings import load_settings
from tests.waiting import wait_until
from workers.supervisor.child import OwnerLine
from workers.worker import Worker


def a_worker(home: Path) -> Worker:
    return Worker(load_settings({"WATCHKEEPER_HOME": str(home)}))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_worker_that_cannot_hear_any_more_says_so(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    line = OwnerLine(theirs)
    line.listen(a_worker(tmp_path))
    ours.send(b"no json\n")
    beating = asyncio.create_task(line.beat(lambda: None, lambda: True))
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    async with asyncio.timeout(10):
        while "ailing" not in (said := json.loads(await reader.readline())):
            continue
    assert said == {"ailing": "the thread of its line died"}
    beating.cancel()
    writer.close()
    theirs.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_a_tool_forks_holds_no_line_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    line = OwnerLine(theirs)
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # a worker's own says: drain
    child = os.fork()
    if child == 0:
        while True:  # a signal that is handled does not end it
            signal.pause()
    signal.signal(signal.SIGTERM, before)
    theirs.close()
    ours.settimeout(10)
    with ours, ended(child):
        assert ours.recv(100) == b""
        os.kill(child, signal.SIGTERM)
        wait_until(lambda: psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    del line


@contextmanager
def ended(child: int) -> Iterator[None]:
    """It is no more afterwards, whatever was found out."""
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
