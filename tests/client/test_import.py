"""Importing the client is cheap, and everything it promises is there."""

import subprocess
import sys

import pytest

import watchkeeper


def test_locating_the_stores_imports_no_heavy_library() -> None:
    code = (
        "import sys, watchkeeper; from watchkeeper.locations import locate; locate()\n"
        "print([name for name in ('sqlalchemy', 'redis', 'importlib.metadata') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        check=True,
        capture_output=True,
        text=True,
    )

    assert found.stdout.strip() == "[]"


def test_everything_promised_is_there() -> None:
    for name in watchkeeper.__all__:
        assert getattr(watchkeeper, name) is not None
        assert name in dir(watchkeeper)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = watchkeeper.Nothing
