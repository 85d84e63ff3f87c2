"""One LLM call: exactly one HTTP request with one explicit credential and one deadline."""

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.classification import Failure
from shared.secret import Secret
from workers.llm.capture import capture
from workers.llm.clients import Clients
from workers.llm.exchange import begin_exchange, end_exchange
from workers.llm.lean import lean_logging, lean_logging_class

# Kinds that repeat a failed request unless told so per call: `exchange` refuses that too, but only after their pause.
_HIDDEN_RETRIES: Final = frozenset(
    {
        "zai",
        "nvidia_nim",
        "sambanova",
        "deepinfra",
        "hyperbolic",
        "nscale",
        "featherless_ai",
        "inception",
        "codestral",
        "ai21",
        "ai21_chat",
        "baseten",
        "morph",
        "v0",
        "text-completion-inception",
    }
)
_NO_CREDENTIAL: Final = "none"
_NEVER: Final = 3600.0  # seconds; litellm makes another client for every other timeout, and the deadline is ours


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said. Token counts are None when the provider did not tell."""

    message: dict[str, Any]
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None


class CallFailed(Exception):
    """The attempt failed; `failure` is what the provider or the network really said."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind} {failure.status or ''}".strip())
        self.failure = failure


class LlmCalls:
    """Makes calls through litellm. `lean` leaves out litellm's own logging work (workers/llm/lean.py)."""

    def __init__(self, litellm: Any, *, lean: bool) -> None:
        self._litellm = litellm
        self._clients = Clients(litellm)
        self._lean_class = lean_logging_class(litellm) if lean else None

    async def call(
        self,
        *,
        kind: str,
        remote_name: str,
        api_base: str | None,
        secret: Secret | None,
        messages: list[dict[str, Any]],
        parameters: Mapping[str, Any],
        timeout_seconds: float,
    ) -> Reply:
        """Ask once.

        Args:
            kind: litellm's name of the wire format.
            secret: None for a provider without credentials; never taken from the environment.
            timeout_seconds: for the whole call, connection included.

        Raises:
            CallFailed: it did not end in an answer.
        """
        model = f"{kind}/{remote_name}"
        # With tools, litellm looks for MCP servers first and needs the `mcp` package for it; ours come resolved.
        options: dict[str, Any] = {**parameters, "_skip_mcp_handler": True}
        if self._lean_class is not None:
            options["litellm_logging_obj"] = lean_logging(self._lean_class, model, messages, stream=False)
        if kind in _HIDDEN_RETRIES:
            options["allowed_openai_params"] = ["max_retries"]
        exchange = begin_exchange()
        try:
            with self._clients.using():
                async with asyncio.timeout(timeout_seconds):
                    response = await self._litellm.acompletion(
                        model=model,
                        messages=messages,
                        # An empty key makes litellm look into the environment: always say one.
                        api_key=secret.reveal() if secret is not None else _NO_CREDENTIAL,
                        api_base=api_base,
                        timeout=_NEVER,
                        max_retries=0,
                        num_retries=0,
                        **options,
                    )
            return _reply(response)
        except Exception as error:
            failure = capture(error, exchange, provider=kind, model=remote_name, streamed=False)
        finally:
            end_exchange()
        # Raised here and not above: litellm's error carries key and request, and would stay attached as the context.
        raise CallFailed(_completed(failure, secret, api_base or ""))

    def keep(self, secrets: Iterable[Secret]) -> None:
        """Let go of what litellm holds for other secrets."""
        self._clients.keep([*secrets, Secret(_NO_CREDENTIAL)])

    async def warm_up(self, kinds: set[str]) -> None:
        """Make each kind's first call before a job waits for it: litellm loads half a second of modules with it.

        The calls go to a port of this machine where nobody listens.
        """
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            base = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for kind in sorted(kinds):
            with contextlib.suppress(CallFailed):
                await self.call(
                    kind=kind,
                    remote_name="warm-up",
                    api_base=base,
                    secret=None,
                    messages=[{"role": "user", "content": "warm-up"}],
                    parameters={},
                    timeout_seconds=5.0,
                )


class NoReply(Exception):
    """An answer that is none: without content, or marked as failed. Some providers send their errors like this; what
    they say is in the exchange."""


def _reply(response: Any) -> Reply:
    choices = getattr(response, "choices", None)
    if not choices:
        raise NoReply
    choice = choices[0]
    # litellm makes "stop" of a gateway's finish reason "error" and keeps the error aside.
    extra = getattr(choice, "provider_specific_fields", None)
    if extra and (extra.get("error") or extra.get("native_finish_reason") == "error"):
        raise NoReply
    message: dict[str, Any] = {"role": "assistant", "content": choice.message.content}
    calls = getattr(choice.message, "tool_calls", None)
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
    elif not choice.message.content:
        raise NoReply
    usage = getattr(response, "usage", None)
    return Reply(
        message=message,
        finish_reason=choice.finish_reason,
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
    )


def _completed(failure: Failure, secret: Secret | None, api_base: str) -> Failure:
    """With the address, and without the key: some answers and local errors repeat the one they were sent with."""
    if secret is None:
        return replace(failure, api_base=api_base)
    shown, hidden = secret.reveal(), str(secret)
    return replace(
        failure,
        body=failure.body.replace(shown, hidden),
        local_error=failure.local_error.replace(shown, hidden),
        api_base=api_base,
    )
