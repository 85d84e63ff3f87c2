"""One call is one HTTP request, however it ends, counted where it arrives."""

from typing import Any

import pytest

from shared.classification import classify
from shared.clock import SystemClock, moment
from shared.secret import Secret
from tests.configured import MODELS, PATHS
from tests.sandbox_fixture import Sandbox
from workers.llm.call import CallFailed, LlmCalls
from workers.llm.reply import Reply

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

KEY = "one-request-secret-key-0001"


async def call(litellm: Any, sandbox: Sandbox, kind: str, *, lean: bool = True, **options: Any) -> Reply:
    """One call to the sandbox in the wire format `kind`."""
    return await LlmCalls(litellm, lean=lean).call(
        kind=kind,
        remote_name=MODELS.get(kind, "some-model"),
        api_base=sandbox.url + PATHS.get(kind, "/v1"),
        secret=Secret(KEY),
        messages=[{"role": "user", "content": "hello"}],
        parameters={},
        timeout_seconds=options.get("timeout_seconds", 5.0),
    )


@pytest.mark.parametrize("kind", [*PATHS, "zai", "deepseek"])
async def test_an_answer_is_one_request(kind: str, litellm: Any, sandbox: Sandbox) -> None:
    reply = await call(litellm, sandbox, kind)
    assert 'You said: "hello"' in reply.message["content"]
    assert reply.input_tokens
    assert reply.output_tokens
    assert sandbox.control.calls()["total"] == 1


@pytest.mark.parametrize("kind", [*PATHS, "zai", "deepseek"])
@pytest.mark.parametrize(
    ("behaviour", "causes"),
    [
        ("rate_limit", {"rate_limit_short"}),
        ("server_error", {"overloaded"}),
        ("overloaded", {"overloaded"}),
        ("reset", {"network"}),
        ("invalid", {"auth_invalid"}),
        ("empty", None),
    ],
)
async def test_a_failure_is_one_request(
    kind: str, behaviour: str, causes: set[str] | None, litellm: Any, sandbox: Sandbox
) -> None:
    sandbox.control.set_default(behaviour)

    with pytest.raises(CallFailed) as failed:
        await call(litellm, sandbox, kind)

    assert sandbox.control.calls()["total"] == 1
    assert sandbox.control.key_total(KEY) == 1
    verdict = classify(failed.value.failure, moment(SystemClock().now_ms()))
    assert causes is None or verdict.cause.value in causes


async def test_a_server_that_never_answers_is_left_in_time_after_one_request(litellm: Any, sandbox: Sandbox) -> None:
    sandbox.control.set_default("hang")
    with pytest.raises(CallFailed) as failed:
        await call(litellm, sandbox, "openai", timeout_seconds=0.3)
    assert failed.value.failure.kind == "timeout"
    assert sandbox.control.calls()["total"] == 1


async def test_no_credential_is_never_replaced_by_one_of_the_environment(
    litellm: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ambient-key-of-somebody-else")
    await LlmCalls(litellm, lean=True).call(
        kind="openai",
        remote_name="m",
        api_base=sandbox.url + "/v1",
        secret=None,
        messages=[{"role": "user", "content": "hello"}],
        parameters={},
        timeout_seconds=5.0,
    )
    assert list(sandbox.control.calls()["keys"]) == ["none"]
