"""Checks of this host: Python, `.env`, settings, the home's permissions."""

import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from console.doctor.check import Finding, Level
from shared.config.environment_keys import environment_providers
from shared.environment import read_env_file
from shared.errors import ConfigurationError
from shared.settings import load_settings

_OLDEST = (3, 11)


def check_python() -> list[Finding]:
    """The interpreter is new enough."""
    words = f"Python {platform.python_version()} on {platform.system()}"
    if sys.version_info < _OLDEST:
        return [Finding("python", Level.FAIL, words, "make setup PYTHON=/path/to/python3.11")]
    return [Finding("python", Level.OK, words)]


def check_env_file(directory: Path) -> list[Finding]:
    """`.env` can be read."""
    path = directory / ".env"
    if not path.exists():
        return [Finding(".env", Level.OK, f"none in {directory}")]
    try:
        found = read_env_file(path)
    except ConfigurationError as error:
        return [Finding(".env", Level.FAIL, str(error), f"edit {path}")]
    if path.stat().st_mode & 0o004:
        return [Finding(".env", Level.WARN, f"{path} is readable by every user of this host", f"chmod 600 {path}")]
    return [Finding(".env", Level.OK, f"{len(found)} variables in {path}")]


def check_settings(environ: Mapping[str, str]) -> list[Finding]:
    """Settings and keys of the environment are well-formed."""
    findings = []
    for name, ask in (("settings", load_settings), ("environment keys", environment_providers)):
        try:
            ask(environ)
        except ConfigurationError as error:
            findings.append(
                Finding(name, Level.FAIL, str(error), "correct the variable (in .env or the environment)")
            )
    return findings or [Finding("settings", Level.OK, "every variable is well-formed")]


def check_home(home: Path) -> list[Finding]:
    """The home and what is in it belong to its owner alone."""
    if not home.exists():
        return [Finding("home", Level.OK, f"{home} is not there yet: `watchkeeper up` makes it")]
    exposed = [path for path in (home, home / "master.key") if path.exists() and path.stat().st_mode & 0o077]
    if exposed:
        mends = "; ".join(f"chmod {'700' if path.is_dir() else '600'} {path}" for path in exposed)
        return [Finding("home", Level.FAIL, f"others may enter: {', '.join(map(str, exposed))}", mends)]
    return [Finding("home", Level.OK, f"{home}, for its owner alone")]
