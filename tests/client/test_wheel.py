"""The wheel works alone, beside a backend's own folders of the service's generic names."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.client.wheel import build_wheel, install_alone


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {"watchkeeper", "watchkeeper_client-0.1.0.dist-info"}
    assert "watchkeeper/py.typed" in names
    assert not [name for name in names if name.startswith("watchkeeper/") and not name.endswith((".py", "py.typed"))]


def test_a_backend_with_its_own_shared_folder_uses_the_client(
    wheel: Path, tmp_path: Path, sqlite_url: str, redis_url: str
) -> None:
    python = install_alone(wheel, tmp_path / "venv")
    for room in ("shared", "workers"):
        (tmp_path / "backend" / room).mkdir(parents=True)
        (tmp_path / "backend" / room / "__init__.py").write_text("OURS = True\n")
    (tmp_path / "backend" / "main.py").write_text(
        f"""
import importlib.util, shared, watchkeeper, workers
assert shared.OURS and workers.OURS
assert importlib.util.find_spec("litellm") is None
assert importlib.util.find_spec("dramatiq") is None
assert "site-packages" in watchkeeper.__file__
assert watchkeeper.__version__ == "0.1.0"
with watchkeeper.Client({sqlite_url!r}, {redis_url!r}) as client:
    print(client.get(client.enqueue("default", "hello").id).state)
"""
    )

    done = subprocess.run([python, "main.py"], cwd=tmp_path / "backend", capture_output=True, text=True)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "queued", "")
