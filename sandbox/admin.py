"""The admin API under ``/_sandbox``: set plans, read counts and the log. Answers this machine only."""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox.behaviours import Behaviour
from sandbox.desk import Desk
from sandbox.ledger import Entry
from sandbox.plan import PlanError, read_plan

PREFIX = "/_sandbox"
PAGE = 5000
"""Log entries one answer holds at most; `last` in the answer tells where to go on."""


@dataclass(frozen=True, slots=True)
class Admin:
    """Bad input is answered with 400 and the name of the field."""

    desk: Desk

    def add_to(self, app: web.Application) -> None:
        app.middlewares.append(_this_machine_only)
        router = app.router
        router.add_get(f"{PREFIX}/health", self._health)
        router.add_put(f"{PREFIX}/keys/{{key}}", self._set_key)
        router.add_delete(f"{PREFIX}/keys/{{key}}", self._forget_key)
        router.add_put(f"{PREFIX}/default", self._set_default)
        router.add_delete(f"{PREFIX}/default", self._forget_default)
        router.add_get(f"{PREFIX}/calls", self._calls)
        router.add_get(f"{PREFIX}/log", self._log)
        router.add_post(f"{PREFIX}/reset", self._reset)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "behaviours": list(Behaviour)})

    async def _set_key(self, request: web.Request) -> web.Response:
        return await self._set(request, request.match_info["key"])

    async def _set_default(self, request: web.Request) -> web.Response:
        return await self._set(request, None)

    async def _set(self, request: web.Request, key: str | None) -> web.Response:
        try:
            plan = read_plan(json.loads(await request.read()))
        except PlanError as problem:
            return web.json_response({"error": str(problem), "field": problem.field}, status=400)
        except ValueError as problem:
            return web.json_response({"error": f"the body is not JSON: {problem}"}, status=400)
        self.desk.playbook.set(key, plan)
        return web.json_response({"ok": True})

    async def _forget_key(self, request: web.Request) -> web.Response:
        return web.json_response({"forgotten": self.desk.playbook.forget(request.match_info["key"])})

    async def _forget_default(self, request: web.Request) -> web.Response:
        return web.json_response({"forgotten": self.desk.playbook.forget(None)})

    async def _calls(self, request: web.Request) -> web.Response:
        return web.json_response(self.desk.ledger.counts())

    async def _log(self, request: web.Request) -> web.Response:
        try:
            after = int(request.query.get("after", "0"))
            limit = min(PAGE, max(1, int(request.query.get("limit", str(PAGE)))))
        except ValueError:
            return web.json_response({"error": "after, limit: must be whole numbers"}, status=400)
        entries = self.desk.ledger.after(after, limit)
        last = entries[-1].n if entries else max(after, self.desk.ledger.last)
        return web.json_response({"entries": [Entry.to_json(entry) for entry in entries], "last": last})

    async def _reset(self, request: web.Request) -> web.Response:
        self.desk.playbook.reset()
        self.desk.ledger.reset()
        return web.json_response({"ok": True, "last": self.desk.ledger.last})


@web.middleware
async def _this_machine_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.path.startswith(PREFIX) and not is_loopback(request.remote or ""):
        return web.json_response({"error": "the admin API answers this machine only"}, status=403)
    return await handler(request)


def is_loopback(host: str) -> bool:
    """True for addresses that no other machine can reach."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
