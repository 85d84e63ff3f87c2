"""A streamed call fails over in silence before the first token; after it, what was told is taken back first."""

from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import Station
from workers.router.calls import Answered, Call, Outcome, Unserved

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001",))
B = Provider("beta", ("beta-secret-key-0001",), "anthropic")
C = Provider("gamma", ("gamma-secret-key-0001",), "gemini")
D = Provider("delta", ("delta-secret-key-0001",), "groq")


@dataclass
class Heard:
    """What a reader has, and what was taken back."""

    text: str = ""
    voids: list[str] = field(default_factory=list)


class Ear:
    """The listener of one call."""

    def __init__(self) -> None:
        self.heard = Heard()

    def text(self, piece: str) -> None:
        self.heard.text += piece

    def void(self, why: str) -> None:
        self.heard.voids.append(why)
        self.heard.text = ""


async def serve(station: Station, ear: Ear | None, text: str = "hello [[tokens=20]]") -> tuple[Outcome, Call]:
    """One call of the agent `default`."""
    call = Call("default", 1, [{"role": "user", "content": text}], [], None, listener=ear)
    return await station.router.serve(call), call


@pytest.mark.parametrize("behaviour", ["invalid", "overloaded", "reset", "error_in_200", "empty"])
async def test_before_the_first_token_the_next_candidate_answers_and_nobody_hears_of_it(
    behaviour: str, configured: Configured, sandbox: Sandbox, station: Station
) -> None:
    configured.publish(A, B)
    sandbox.control.set_key(A.keys[0], behaviour)
    ear = Ear()
    outcome, call = await serve(station, ear)
    assert isinstance(outcome, Answered)
    assert ear.heard.voids == []
    assert ear.heard.text == outcome.reply.message["content"]
    assert [attempt.provider for attempt in call.attempts] == ["alpha", "beta"]
    assert sandbox.control.calls()["total"] == 2


@pytest.mark.parametrize("behaviour", ["die_mid_stream", "end_mid_stream", "error_mid_stream"])
@pytest.mark.parametrize("first", [A, B, C], ids=["openai", "anthropic", "gemini"])
async def test_in_mid_stream_the_reply_is_made_anew_and_what_was_told_is_taken_back(
    first: Provider, behaviour: str, configured: Configured, sandbox: Sandbox, station: Station
) -> None:
    configured.publish(first, D)
    sandbox.control.set_key(first.keys[0], behaviour)
    ear = Ear()
    with capture_logs() as logs:
        outcome, call = await serve(station, ear)
    assert isinstance(outcome, Answered)
    assert len(ear.heard.voids) == 1
    assert first.name in ear.heard.voids[0]
    assert ear.heard.text == outcome.reply.message["content"]
    assert [attempt.provider for attempt in call.attempts] == [first.name, "delta"]
    (failed,) = [entry for entry in logs if entry["event"] == "attempt.failed"]
    assert failed["in_mid_stream"]
    assert failed["request_id"].startswith("req_")


async def test_streams_that_keep_breaking_stop_after_the_usual_number_of_attempts(
    configured: Configured, sandbox: Sandbox, station: Station
) -> None:
    configured.publish(A, B, C, D)
    sandbox.control.set_default("die_mid_stream")
    ear = Ear()
    outcome, call = await serve(station, ear)
    assert isinstance(outcome, Unserved)
    assert len(call.attempts) == len(ear.heard.voids) == 3
    assert ear.heard.text == ""


async def test_a_call_nobody_hears_is_not_streamed(
    configured: Configured, sandbox: Sandbox, station: Station
) -> None:
    configured.publish(A)
    await serve(station, None)
    await serve(station, Ear())
    assert [entry.stream for entry in sandbox.control.log()] == [False, True]
