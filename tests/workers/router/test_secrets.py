"""No key leaves through what we keep or log, whatever the provider repeats of it."""

import pytest
import structlog

from shared.logs import redact_fields
from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import Station
from workers.router.calls import Refused

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

GOOGLE = "AIzaSyD" + "0123456789abcdefghijklmnopqrstuv"
SHAPELESS = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"  # Mistral's and Cohere's keys look like this


@pytest.mark.parametrize("key", [GOOGLE, SHAPELESS])
@pytest.mark.parametrize("behaviour", ["suspended", "invalid", "permission", "expired", "rate_limit", "bad_request"])
async def test_a_provider_that_repeats_the_key_does_not_make_us_repeat_it(
    key: str, behaviour: str, configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(Provider("google", (key,), kind="gemini"))
    sandbox.control.set_default(behaviour)

    with structlog.testing.capture_logs(processors=[redact_fields]) as events:
        outcome, attempts = await station.ask()

    assert attempts[0].detail
    assert events
    for told in (attempts, outcome, events, await station.standings()):
        assert key not in repr(told)
    if isinstance(outcome, Refused):
        assert key not in outcome.detail


async def test_the_sandbox_does_repeat_the_key_as_google_does(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    configured.publish(Provider("google", (SHAPELESS,), kind="gemini"))
    sandbox.control.set_default("suspended")

    _, attempts = await station.ask()

    assert attempts[0].detail is not None
    assert "9f8e7d6c...b1a0" in attempts[0].detail
