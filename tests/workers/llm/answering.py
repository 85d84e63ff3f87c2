"""A local provider that answers every request with one recorded answer, and writes down who asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

_OURS = frozenset({"content-length", "transfer-encoding", "content-encoding", "connection"})
"""Headers of the way, not of the answer: this server writes its own."""


@dataclass(slots=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: str


@dataclass(slots=True)
class Provider:
    """What is answered next, and all that was asked. `kind`: `http`, `hang` or `reset`."""

    url: str = ""
    kind: str = "http"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    asked: list[Asked] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer so from now on, with nothing counted yet."""
        self.kind, self.status, self.body, self.headers = "http", status, body, headers or {}
        self.asked.clear()

    def misbehave(self, kind: str) -> None:
        """`hang` or `reset` from now on, with nothing counted yet."""
        self.kind = kind
        self.asked.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Write the request down and answer it."""
        self.asked.append(Asked(request.path_qs, dict(request.headers), await request.text()))
        if self.kind == "hang":
            await self.over.wait()
        if self.kind == "reset" and request.transport is not None:
            request.transport.abort()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OURS}
        return web.Response(status=self.status, headers=headers, body=self.body.encode())


@asynccontextmanager
async def answering() -> AsyncIterator[Provider]:
    """A provider on a free port of this machine, gone at the end."""
    provider = Provider()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        provider.over.set()
        await runner.cleanup()
