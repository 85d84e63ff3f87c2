"""Mistral says the same of a revoked key as of a spent plan: the key is held, and the second answer decides."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web

from shared.keystate.standing import KeyState, key_subject
from tests.configured import Configured, Provider
from tests.workers.router.station import Station
from workers.router.calls import Unserved

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

MISTRAL = Provider("mistral", ("0123456789abcdef0123456789abcdef",), kind="mistral")


@dataclass(slots=True)
class Gate:
    """A provider that lets nobody in, and says no more than that."""

    url: str = ""
    callers: list[str] = field(default_factory=list)

    async def refuse(self, request: web.Request) -> web.Response:
        """As Mistral's gateway does it."""
        self.callers.append(request.headers["Authorization"])
        return web.json_response({"detail": "Unauthorized"}, status=401)


@pytest_asyncio.fixture(loop_scope="session")
async def gate() -> AsyncIterator[Gate]:
    """It listens on this machine."""
    gate = Gate()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", gate.refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    gate.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield gate
    await runner.cleanup()


async def test_an_undecided_answer_holds_the_key_and_the_same_one_after_its_time_quarantines_it(
    gate: Gate, configured: Configured, stations: list[Station]
) -> None:
    Configured(configured.engine, configured.redis, gate.url).publish(MISTRAL)
    subject = key_subject(configured.fingerprint(MISTRAL.keys[0]))

    outcome, _ = await stations[0].ask()
    held = (await stations[0].standings())[subject]
    unasked, _ = await stations[1].ask()

    assert isinstance(outcome, Unserved)
    assert isinstance(unasked, Unserved)
    assert (held.state, held.cause, held.strikes) == (KeyState.HELD, "auth_invalid", 1)
    assert held.until_ms == held.since_ms + 60_000
    assert unasked.returns_at_ms == held.until_ms
    assert len(gate.callers) == 1

    for strikes, minutes in ((1, 5), (2, 10)):
        await stations[0].end_its_time(subject)
        await stations[1].ask()
        standing = (await stations[0].standings())[subject]
        assert (standing.state, standing.strikes) == (KeyState.QUARANTINED, strikes)
        assert standing.until_ms == standing.since_ms + minutes * 60_000
    assert gate.callers == [f"Bearer {MISTRAL.keys[0]}"] * 3
