"""Which address answers in which format."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox import listings
from sandbox.desk import Desk
from sandbox.schema import JsonObject
from sandbox.serving import chat, data, read_body
from sandbox.wire.anthropic import AnthropicWire
from sandbox.wire.contract import Wire
from sandbox.wire.gemini import GeminiWire
from sandbox.wire.openai import OpenAIWire

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Routes:
    """The provider addresses. OpenAI's also stand at the root, for the many that speak its format."""

    desk: Desk

    def add_to(self, app: web.Application) -> None:
        openai, anthropic, gemini = OpenAIWire(), AnthropicWire(), GeminiWire()
        for prefix in ("/openai/v1", "/v1"):
            app.router.add_post(f"{prefix}/chat/completions", self._chat(openai))
            app.router.add_post(f"{prefix}/embeddings", self._embeddings(openai))
            app.router.add_get(f"{prefix}/models", self._models(openai, listings.openai_models()))
        app.router.add_post("/anthropic/v1/messages", self._chat(anthropic))
        app.router.add_get("/anthropic/v1/models", self._models(anthropic, listings.anthropic_models()))
        app.router.add_get("/gemini/v1beta/models", self._models(gemini, listings.gemini_models()))
        app.router.add_post("/gemini/v1beta/models/{model}:{verb}", self._generate(gemini))

    def _chat(self, wire: Wire) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await read_body(request)
            stream = body.get("stream") is True
            return await chat(request, self.desk, wire, body, model=_model(body), stream=stream)

        return handle

    def _generate(self, wire: Wire) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            verb = request.match_info["verb"]
            if verb not in ("generateContent", "streamGenerateContent"):
                raise web.HTTPNotFound(text=f"the sandbox has no {verb}")
            if verb == "streamGenerateContent" and request.query.get("alt") != "sse":
                raise web.HTTPNotFound(text="the sandbox streams with ?alt=sse only")
            body = await read_body(request)
            model, stream = request.match_info["model"], verb == "streamGenerateContent"
            return await chat(request, self.desk, wire, body, model=model, stream=stream)

        return handle

    def _embeddings(self, wire: Wire) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await read_body(request)
            model = _model(body)
            visit = self.desk.admit(request, wire, model=model, sound="input" in body)
            return await data(request, self.desk, visit, listings.embeddings(body, model))

        return handle

    def _models(self, wire: Wire, answer: JsonObject) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            visit = self.desk.admit(request, wire, model=None)
            return await data(request, self.desk, visit, answer)

        return handle


def _model(body: JsonObject) -> str:
    model = body.get("model")
    return model if isinstance(model, str) else ""
