"""systemd's notifications."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.supervisor.service_manager import PATIENCE_SECONDS, ServiceManager


def test_the_manager_hears_each_state_as_one_datagram(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}).tell(READY=1, STATUS="2 of 2 ready")
        assert manager.recv(4096) == b"READY=1\nSTATUS=2 of 2 ready"


def test_without_a_manager_or_with_a_deaf_one_nothing_happens(tmp_path: Path) -> None:
    ServiceManager({}).tell(READY=1)
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell(READY=1)


def test_its_watchdog_is_fed_twice_as_often_as_it_asks_and_only_when_it_means_us() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "30000000"}).watchdog_seconds == 15
    assert ServiceManager({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watchdog_seconds is None
    assert ServiceManager({}).watchdog_seconds is None


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What a service manager listens on, at `notify`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def test_all_ready_is_told_at_once_and_only_once(manager: socket.socket, tmp_path: Path) -> None:
    ours = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    ours.serving(10.0, "1 of 2 workers ready", all_ready=False)
    ours.serving(11.0, "2 of 2 workers ready", all_ready=True)
    ours.serving(99.0, "2 of 2 workers ready", all_ready=True)
    assert manager.recv(4096) == b"READY=1\nSTATUS=2 of 2 workers ready"
    with pytest.raises(BlockingIOError):
        manager.recv(4096)


def test_some_that_serve_are_not_killed_for_those_that_never_come_up(manager: socket.socket, tmp_path: Path) -> None:
    ours = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    ours.serving(10.0, "1 of 2 workers ready", all_ready=False)
    ours.serving(10.0 + PATIENCE_SECONDS - 0.1, "1 of 2 workers ready", all_ready=False)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)
    ours.serving(10.0 + PATIENCE_SECONDS, "1 of 2 workers ready", all_ready=False)
    assert manager.recv(4096) == b"READY=1\nSTATUS=1 of 2 workers ready"


def test_a_stop_asks_for_the_time_its_drain_takes(manager: socket.socket, tmp_path: Path) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}).stopping(120)
    assert manager.recv(4096) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=155000000"
