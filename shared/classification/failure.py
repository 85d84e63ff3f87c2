"""The input of a classification: one failed attempt, as it was seen at the catch site."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Kind = Literal["http", "timeout", "network", "no_key", "local"]

_CORPUS_KINDS: Mapping[str, Kind] = {
    "http": "http",
    "hang": "timeout",
    "reset": "network",
    "refused": "network",
    "nokey": "no_key",
    "local": "local",
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
    """

    provider: str
    model: str = ""
    kind: Kind = "http"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    local_error: str = ""
    streamed: bool = False

    @classmethod
    def from_corpus(cls, row: Mapping[str, Any]) -> Self:
        """The failure of one row of a corpus of recorded answers.

        A row without HTTP carries no error text, so the class litellm raised stands in for it.

        Raises:
            KeyError: the row lacks a field or names an unknown kind.
        """
        kind = _CORPUS_KINDS[row["kind"]]
        return cls(
            provider=row["provider"],
            model=row["model"],
            kind=kind,
            status=row["status"],
            headers=row["headers"],
            body=row["body"] or "",
            local_error="" if kind == "http" else row.get("litellm_exception") or "",
            streamed="event-stream" in str(row["headers"].get("content-type", "")),
        )
