"""One LLM call: exactly one HTTP request with one explicit credential and one deadline."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx
import structlog

from shared.classification import Failure
from shared.secret import Secret
from workers.llm.capture import capture
from workers.llm.clients import Clients
from workers.llm.exchange import Exchange, Gate, begin_exchange, end_exchange
from workers.llm.lean import lean_logging, lean_logging_class, let_plain_bodies_pass, plain_bodies
from workers.llm.reply import Reply, streamed_reply, whole_reply
from workers.llm.streaming import read_stream

log = structlog.get_logger()

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
_CLOSE_SECONDS: Final = 1.0
_NEVER: Final = 3600.0  # seconds; litellm makes another client for every other timeout, and the deadline is ours


class CallFailed(Exception):
    """The attempt failed; `failure` is what the provider or the network really said."""

    def __init__(self, failure: Failure, request_id: str = "") -> None:
        super().__init__(f"{failure.kind} {failure.status or ''}".strip())
        self.failure = failure
        self.request_id = request_id


class LlmCalls:
    """Makes calls through litellm. `lean` leaves out litellm's own logging work (workers/llm/lean.py).

    `gate`: asked again in the moment a request leaves, for litellm takes some milliseconds until then.
    """

    def __init__(self, litellm: Any, *, lean: bool, gate: Gate | None = None) -> None:
        self._litellm = litellm
        self._gate = gate
        self._clients = Clients(litellm)
        self._lean_class = lean_logging_class(litellm) if lean else None
        if lean:
            let_plain_bodies_pass()

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
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """Ask once.

        Args:
            kind: litellm's name of the wire format.
            secret: None for a provider without credentials; never taken from the environment.
            timeout_seconds: for the whole call, from connecting to the last token.
            on_text: gets the answer's text piece by piece as it comes; None asks for it whole, which is cheaper.

        Raises:
            CallFailed: it did not end in an answer.
        """
        model = f"{kind}/{remote_name}"
        # With tools, litellm looks for MCP servers first and needs the `mcp` package for it; ours come resolved.
        options: dict[str, Any] = {**parameters, "_skip_mcp_handler": True}
        streams = on_text is not None
        if self._lean_class is not None:
            options["litellm_logging_obj"] = lean_logging(self._lean_class, model, messages, stream=streams)
        if kind in _HIDDEN_RETRIES:
            options["allowed_openai_params"] = ["max_retries"]
        if streams:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        plain_bodies(self._lean_class is not None)
        exchange = begin_exchange(self._gate)
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
                    if on_text is not None:
                        lean = self._lean_class is not None
                        streamed = await read_stream(response, exchange, on_text, kind=kind, lean=lean)
                        return streamed_reply(streamed, exchange.request_id)
            return whole_reply(response, exchange.request_id)
        except Exception as error:
            if streams:
                await _read_refusal(exchange)
            failure = capture(error, exchange, provider=kind, model=remote_name, streamed=streams)
        finally:
            end_exchange()
            if streams:
                await _closed(exchange)
            request_id = exchange.request_id
            exchange.end()
        # Raised here and not above: litellm's error carries key and request, and would stay attached as the context.
        raise CallFailed(_completed(failure, secret, api_base or ""), request_id)

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


async def _read_refusal(exchange: Exchange) -> None:
    """Not everything below litellm reads the words of an answer that was asked for as a stream."""
    response = exchange.response
    if response is None or response.status_code < httpx.codes.BAD_REQUEST or response.is_stream_consumed:
        return
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await response.aread()
    except Exception as error:
        log.debug("llm.refusal_unread", status=response.status_code, error=type(error).__name__)


async def _closed(exchange: Exchange) -> None:
    """However the call ended, a cancelled one too, no connection is left behind with half an answer in it."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await exchange.close()
    except Exception as error:
        log.debug("llm.answer_not_closed", error=type(error).__name__)


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
