"""The client as a backend gets it: its wheel, alone in a virtual environment, without the service."""

import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

CLIENT = Path(__file__).parents[2] / "shared" / "client"
_UV = str(Path(sys.executable).with_name("uv"))


def build_wheel(into: Path) -> Path:
    """Build the wheel without network; gives its path."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(into), str(CLIENT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(into.glob("watchkeeper_client-*.whl"))


def install_alone(wheel: Path, venv: Path, *extras: str) -> Path:
    """A new environment with the wheel and what it requires, nothing else; gives its Python.

    The requirements are linked from the environment of the tests: no network, and no cache to rely on.
    """
    subprocess.run([_UV, "venv", "--quiet", "--offline", "--python", sys.executable, venv], check=True)
    python = venv / "bin" / "python"
    packages = next(venv.glob("lib/python*/site-packages"))
    for name in _requirements("watchkeeper-client", frozenset(extras)):
        _link(distribution(name), packages)
    install = [_UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True)
    subprocess.run([_UV, "pip", "check", "--quiet", "--python", python], check=True)
    return python


def _requirements(name: str, extras: frozenset[str]) -> set[str]:
    found: set[str] = set()
    for line in distribution(name).requires or ():
        needed = Requirement(line)
        if any(needed.marker is None or needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            found |= {needed.name} | _requirements(needed.name, frozenset(needed.extras))
    return found


def _link(source: Distribution, packages: Path) -> None:
    for name in {file.parts[0] for file in source.files or () if file.parts[0] not in ("..", "__pycache__")}:
        origin, place = Path(str(source.locate_file(name))).resolve(), packages / name
        if name.endswith(".dist-info"):
            shutil.copytree(origin, place)  # uv looks past a link here and would call the package missing
        elif not place.exists():
            place.symlink_to(origin)
