"""The sandbox under test, and a way to ask it in each wire format."""

from collections.abc import Iterator

import pytest

from tests.sandbox.speakers import Speaker, speakers
from tests.sandbox_fixture import Sandbox, sandbox

__all__ = ["sandbox"]


@pytest.fixture
def speaking(sandbox: Sandbox) -> Iterator[dict[str, Speaker]]:
    """One client per wire format, by name."""
    found = speakers(sandbox.url)
    yield found
    for speaker in found.values():
        speaker.http.close()


@pytest.fixture(params=["openai", "anthropic", "gemini"])
def speaker(request: pytest.FixtureRequest, speaking: dict[str, Speaker]) -> Speaker:
    """Each wire format in turn."""
    return speaking[request.param]
