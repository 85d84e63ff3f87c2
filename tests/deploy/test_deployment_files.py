"""The files ops start from say what the code does."""

import re
from pathlib import Path

import yaml

from console.cli.main import cli

ROOT = Path(__file__).parents[2]
HAND_BACK_SECONDS = 25  # after the drain: ten for the workers, then the forker and the supervisor's last words
ROOMS = {"shared", "workers", "scheduler", "console", "sandbox"}


def test_every_procfile_line_is_a_command_that_exists() -> None:
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if line and not line.startswith("#")]
    commands = {line.split("watchkeeper ")[1].split()[0] for line in lines}
    assert commands == {"store", "scheduler", "worker"}
    assert commands <= set(cli.list_commands(None))  # type: ignore[arg-type]


def test_compose_gives_a_worker_more_time_than_its_drain() -> None:
    services = _services()
    drain = float(services["worker"]["environment"]["WATCHKEEPER_DRAIN_SECONDS"])
    grace = float(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace >= drain + HAND_BACK_SECONDS


def test_compose_starts_the_service_after_the_one_migration() -> None:
    services = _services()
    for name in ("scheduler", "worker"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert services[name]["depends_on"]["valkey"] == {"condition": "service_healthy"}
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["restart"] == "no"


def test_compose_commands_exist_and_can_be_scaled() -> None:
    services = _services()
    for name in ("migrate", "scheduler", "worker"):
        assert services[name]["command"][0] in cli.list_commands(None)  # type: ignore[arg-type]
        assert services[name]["image"] == "watchkeeper"
        assert "container_name" not in services[name]
        assert "ports" not in services[name]
    for name in ("valkey", "postgres", "scheduler", "worker"):
        assert services[name]["healthcheck"]["test"]


def test_compose_valkey_never_evicts_and_appends() -> None:
    command = " ".join(_services()["valkey"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_the_image_holds_every_room_and_no_secret() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE)) == ROOMS
    assert "--require-hashes" in dockerfile
    assert ".env" in (ROOT / ".dockerignore").read_text().split()


def test_the_image_holds_bytecode_and_a_home_for_its_user_alone() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "UV_COMPILE_BYTECODE=1" in dockerfile  # its user may not write beside the modules
    assert "chmod 700 /var/lib/watchkeeper" in dockerfile  # doctor refuses a home that others may enter


def test_compose_gives_the_service_nothing_it_does_not_need() -> None:
    services = _services()
    for name in ("migrate", "scheduler", "worker"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]


def _services() -> dict[str, dict[str, object]]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert isinstance(services, dict)
    return services
