"""The process environment with `.env` beneath it."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from shared.errors import EnvironmentFileError


def read_environment(directory: Path | None = None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables of `.env` in `directory` (default: the working directory), overridden by `environ`.

    Raises:
        EnvironmentFileError: a line of `.env` is not `NAME=value`.
    """
    environ = os.environ if environ is None else environ
    return {**read_env_file((directory or Path.cwd()) / ".env"), **environ}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of one `.env` file; none when it does not exist."""
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(f"{path} cannot be read: {error}") from None
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            raise EnvironmentFileError(
                f"{path}, line {line}: not NAME=value with closed quotes. Mend the line; nothing of the file was used"
            )
    return {b.key: b.value for b in bindings if b.key is not None and b.value is not None}
