"""Steers a running sandbox from tests, drills and the command line."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from sandbox.behaviours import Behaviour
from sandbox.ledger import Entry

_TIMEOUT = 5.0


class SandboxError(Exception):
    """The sandbox does not answer, or refused what it was told; the text says why."""


class SandboxControl:
    """One connection to the admin API of the sandbox at `base_url`. Thread-safe; close it after use."""

    def __init__(self, base_url: str) -> None:
        # Ambient proxies are not asked: the sandbox is on this machine.
        self._client = httpx.Client(base_url=f"{base_url.rstrip('/')}/_sandbox", timeout=_TIMEOUT, trust_env=False)

    def set_key(self, key: str, behaviour: Behaviour | str | Sequence[str | dict[str, Any]], **plan: Any) -> None:
        """Make `key` meet `behaviour`, or several in a row.

        `plan` may hold times, delay_seconds, retry_after_seconds (one behaviour only), then, model.
        """
        self._call("PUT", f"/keys/{quote(key, safe='')}", _plan(behaviour, plan))

    def set_default(
        self, behaviour: Behaviour | str | Sequence[str | dict[str, Any]] = Behaviour.OK, **plan: Any
    ) -> None:
        """The same for every key without a plan of its own; its delay_seconds holds for all right answers."""
        self._call("PUT", "/default", _plan(behaviour, plan))

    def forget_key(self, key: str) -> None:
        """The key meets the default again."""
        self._call("DELETE", f"/keys/{quote(key, safe='')}")

    def forget_default(self) -> None:
        self._call("DELETE", "/default")

    def reset(self) -> None:
        """Plans as at the start, log and counts empty. Request numbers go on."""
        self._call("POST", "/reset")

    def calls(self) -> dict[str, Any]:
        """Counts: total, failed, wires, behaviours, keys (each with total, paths, behaviours)."""
        return self._call("GET", "/calls")

    def key_total(self, key: str) -> int:
        """Requests that came in with `key`."""
        return int(self.calls()["keys"].get(key, {}).get("total", 0))

    def log(self, after: int = 0) -> list[Entry]:
        """Every logged request with a number above `after`, oldest first."""
        entries: list[Entry] = []
        while True:
            page = self._call("GET", f"/log?after={after}")["entries"]
            if not page:
                return entries
            entries.extend(Entry(**{name: entry[name] for name in Entry._fields}) for entry in page)
            after = entries[-1].n

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.TransportError as problem:
            raise SandboxError(f"the sandbox at {self._client.base_url} does not answer: {problem}") from problem
        if response.is_error:
            raise SandboxError(f"{method} {path}: {response.text}")
        answer: dict[str, Any] = response.json()
        return answer


def _plan(behaviour: Behaviour | str | Sequence[str | dict[str, Any]], plan: dict[str, Any]) -> dict[str, Any]:
    return {"behaviour" if isinstance(behaviour, str) else "sequence": behaviour} | plan
