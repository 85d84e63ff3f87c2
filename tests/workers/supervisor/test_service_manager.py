"""systemd's notifications."""

import socket
from pathlib import Path

from workers.supervisor.service_manager import ServiceManager


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
