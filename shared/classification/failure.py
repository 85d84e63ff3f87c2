"""The input of a classification: one failed attempt, as it was seen at the catch site."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

Kind = Literal["http", "timeout", "network", "no_key", "local"]

# Our own words, and those of collections of recorded answers.
_KINDS: Final[Mapping[str, Kind]] = {
    "http": "http",
    "timeout": "timeout",
    "network": "network",
    "no_key": "no_key",
    "local": "local",
    "hang": "timeout",
    "reset": "network",
    "refused": "network",
    "nokey": "no_key",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    Attributes:
        provider: litellm's provider name, such as `openai` or `vertex_ai`.
        model: the model of the request, with or without litellm's provider prefix.
        kind: `http` when an answer came, else what happened instead of one.
        status: HTTP status of the answer, None where there was none.
        headers: as received; names are compared without case.
        body: as received; only its first 64 KiB are read.
        local_error: class and text of the local error where no HTTP happened, else empty.
        streamed: whether a stream was asked for.
        api_base: the configured base address, empty where litellm knows it.
    """

    provider: str
    model: str = ""
    kind: Kind = "http"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    local_error: str = ""
    streamed: bool = False
    api_base: str = ""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The failure of one recorded answer: fields `provider`, `model`, `kind`, `status`, `headers`, `body`.

        Only `provider` must be there, and `status` where an answer came; other fields are passed over. A row without
        HTTP may carry the error's words in `local_error`, or else the class litellm raised in `litellm_exception`.

        Raises:
            ValueError, TypeError: a field is missing or wrong; names the field, never what it holds.
        """
        kind = _KINDS.get(row.get("kind") or "http")
        if kind is None:
            raise ValueError(f"kind: is not one of {', '.join(_KINDS)}")
        headers, body = row.get("headers") or {}, row.get("body")
        if not isinstance(headers, Mapping):
            raise TypeError("headers: must be an object")
        if not isinstance(body, str):
            body = "" if body is None else json.dumps(body)
        words = row.get("local_error") or row.get("litellm_exception") or ""
        return cls(
            provider=_text(row, "provider", required=True),
            model=_text(row, "model", required=False),
            kind=kind,
            status=_status(row) if kind == "http" else None,
            headers={str(name): str(value) for name, value in headers.items()},
            body=body,
            local_error="" if kind == "http" else str(words),
            streamed="event-stream" in str(headers.get("content-type", "")),
        )


def _text(row: Mapping[str, Any], field_name: str, *, required: bool) -> str:
    value = row.get(field_name) or ""
    if not isinstance(value, str) or (required and not value):
        raise ValueError(f"{field_name}: {'a text is required' if required else 'must be a text'}")
    return value


def _status(row: Mapping[str, Any]) -> int:
    value = row.get("status")
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("status: an answer needs its HTTP status, a whole number")
    return value
