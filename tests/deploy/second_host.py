"""A second host: its own network and host name, a cable to where the stores can be reached, and nothing else.

Two network namespaces joined by a veth pair. In one a relay offers the stores under TCP addresses, in the other
run workers and a provider of their own. Nothing of it can be seen from the machine's network.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.e2e.house import House
from tests.processes import Running
from tests.waiting import wait_until

NAME = "second-host"
_STORES = "10.77.0.1"
_HERE = "10.77.0.2"
_RELAY = str(Path(__file__).with_name("relay.py"))
_TOOLS = ("ip", "nsenter", "unshare")


@dataclass(slots=True)
class SecondHost:
    """Runs in a house; `pull` and `plug` are about its cable."""

    house: House
    _here: str
    _processes: list[Running] = field(default_factory=list)

    def run(self, *command: str, **environ: str) -> Running:
        """Start `command` on it, with its way to the stores."""
        database = self.house.database_url.partition("?")[0].rpartition("/")[2]
        return self.house.processes.elsewhere(
            *_inside(self._here),
            *command,
            DATABASE_URL=f"postgresql://postgres@{_STORES}:5432/{database}",
            REDIS_URL=f"redis://{_STORES}:6379/0",
            **environ,
        )

    def room(self, name: str, *arguments: str, **environ: str) -> Running:
        """One of the service's processes on it."""
        return self.run(sys.executable, "-P", "-m", name, *arguments, **environ)

    def pull(self) -> None:
        """Pull its cable: no packet goes either way, and nobody says so."""
        _do(*_inside(self._here), "ip", "link", "set", "uplink", "down")

    def plug(self) -> None:
        """Put the cable back."""
        _do(*_inside(self._here), "ip", "link", "set", "uplink", "up")

    def lose_power(self) -> None:
        """SIGKILL for every worker process on it; who keeps the namespace open stays."""
        for process in self.house.processes.alive():
            with suppress(psutil.Error):
                if _network(process.pid) == _network(int(self._here)) and "workers" in " ".join(process.cmdline()):
                    process.kill()


def open_second_host(house: House) -> SecondHost:
    """Put it beside the house; it ends with the house's processes.

    Skips (in CI: fails) where this may not be done: it needs root, iproute2 and util-linux.
    """
    if os.geteuid() != 0 or not all(map(shutil.which, _TOOLS)):
        if os.environ.get("CI"):
            pytest.fail(f"a second host needs root and {', '.join(_TOOLS)}")
        pytest.skip(f"a second host needs root and {', '.join(_TOOLS)}")
    stores, here = (_namespace(house, name) for name in ("stores", NAME))
    _do("ip", "link", "add", "stores", "netns", stores, "type", "veth", "peer", "name", "uplink", "netns", here)
    for pid, link, address in ((stores, "stores", _STORES), (here, "uplink", _HERE)):
        for words in (
            f"addr add {address}/24 dev {link}",
            f"link set {link} up",
            "link set lo up",
        ):
            _do(*_inside(pid), "ip", *words.split())
    postgres = f"{house.database_url.partition('host=')[2]}/.s.PGSQL.5432"
    valkey = urlsplit(house.redis_url).path
    relay = house.processes.elsewhere(
        *_inside(stores), sys.executable, _RELAY, _STORES, "5432", postgres, _STORES, "6379", valkey
    )
    relay.says("relaying")
    second = SecondHost(house, here)
    port = urlsplit(house.sandbox_url).port  # the provider's address is part of the configuration: the same on each
    provider = second.run(sys.executable, "-m", "sandbox", "--port", str(port))
    provider.says("url")
    return second


def _namespace(house: House, name: str) -> str:
    """The pid of a process that keeps a new network and host name open."""
    keeper = house.processes.elsewhere("unshare", "--net", "--uts", "sh", "-c", f"hostname {name}; exec sleep 3600")
    wait_until(lambda: _network(keeper.pid) != _network(os.getpid()) and _is_sleeping(keeper.pid))
    return str(keeper.pid)


def _is_sleeping(pid: int) -> bool:
    return psutil.Process(pid).name() == "sleep"


def _network(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _inside(pid: str) -> tuple[str, ...]:
    return ("nsenter", "--target", pid, "--net", "--uts", "--")


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=10)
