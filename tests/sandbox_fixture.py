"""A real sandbox process for tests: `sandbox` for most, `start_sandbox` for those that need one of their own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from sandbox.control import SandboxControl

_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: its address, and the means to script it."""

    url: str
    control: SandboxControl


@contextmanager
def start_sandbox(*arguments: str) -> Iterator[str]:
    """Runs a sandbox on a free port, gives its URL, stops it. If the tests are killed it ends with their pipe."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--stop-on-eof", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the sandbox ended with code {process.wait(_STOP_SECONDS)}")
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


_running = pytest.StashKey[Sandbox]()


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """The session's one sandbox, with nothing scripted, logged or counted when the test begins."""
    stash = request.config.stash
    if _running not in stash:
        stack = ExitStack()
        request.config.add_cleanup(stack.close)
        url = stack.enter_context(start_sandbox())
        stash[_running] = Sandbox(url, stack.enter_context(SandboxControl(url)))
    stash[_running].control.reset()
    return stash[_running]
