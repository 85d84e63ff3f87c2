"""`watchkeeper store`, and what it finds when it was killed before."""

import signal
from pathlib import Path

import psutil

from tests.processes import Processes, Running
from tests.waiting import wait_until
from watchkeeper.locations import socket_path


def _server_of(store: Running) -> psutil.Process:
    [server] = psutil.Process(store.pid).children()
    return server


def test_a_store_killed_with_its_server_starts_again_and_claims_to_have_ended_nobody(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        socket = socket_path(processes.home)
        first = processes.watchkeeper("store")
        first.says("process.started")
        wait_until(socket.exists, 10)
        server = _server_of(first)
        server.kill()
        first.signal(signal.SIGKILL)
        wait_until(lambda: not processes.alive(), 10)
        assert socket.exists()

        second = processes.watchkeeper("store")
        second.says("process.started")
        assert "leftover_ended" not in second.output()


def test_a_store_that_is_told_to_stop_ends_with_0(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        store = processes.watchkeeper("store")
        store.says("process.started")
        wait_until(socket_path(processes.home).exists, 10)
        assert store.stop() == 0
        assert not processes.alive()
