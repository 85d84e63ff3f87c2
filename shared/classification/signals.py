"""All that rules may look at, read once from a failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.classification.body import Body, Shape, read_body
from shared.classification.failure import Failure
from shared.classification.google import Quota
from shared.classification.prose import own_words

# An HTTP 200 with an error inside has no usable status; the error's own kind tells which it would have been.
_STATUS_OF_CODE: Mapping[str, int] = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 504,
    "request_too_large": 413,
    "invalid_request_error": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_server_error": 500,
    "overloaded_error": 529,
    "unauthenticated": 401,
    "permission_denied": 403,
    "resource_exhausted": 429,
    "invalid_argument": 400,
    "unavailable": 503,
    "internal": 500,
}


@dataclass(frozen=True, slots=True)
class Signals:
    """One failure, read.

    Attributes:
        status: the HTTP status, or for an error inside a 200 the status it stands for; None if unknown.
        text: the provider's own words in lower case, without anything quoted.
        raw: the same with its quotations; only to find the name of the model in it.
        codes: types, codes and reasons in lower case.
        headers: names in lower case; those a gateway put into the body stand behind the answer's own.
        upstream: what the provider behind a gateway said, "" if it said nothing, None if no gateway spoke.
        server: whether this is the server's own fault (5xx), which never speaks against a key.
    """

    failure: Failure
    status: int | None
    shape: Shape
    text: str
    raw: str
    codes: frozenset[str]
    headers: Mapping[str, str]
    quotas: tuple[Quota, ...]
    retry_delay: float | None
    upstream: str | None

    @property
    def provider(self) -> str:
        return self.failure.provider

    @property
    def server(self) -> bool:
        return self.status is not None and self.status >= 500

    @property
    def names_model(self) -> bool:
        """Whether the answer names the model of the request."""
        bare = self.failure.model.lower().rsplit("/", 1)[-1]
        return len(bare) > 2 and bare in self.raw


def read_signals(failure: Failure) -> Signals:
    """What `failure` says. Never raises."""
    headers = {str(name).lower(): str(value) for name, value in failure.headers.items()}
    if failure.kind != "http":
        return _signals(failure, None, Body(Shape.TEXT, messages=[failure.local_error[:4_000]]), headers)
    body = read_body(failure.body)
    for name in ("x-amzn-errortype", "x-ms-error-code"):
        if value := headers.get(name):
            body.codes.append(value[:120].split(":", 1)[0].rsplit("#", 1)[-1].strip().lower())
    if isinstance(inner := body.metadata.get("headers"), dict):
        headers = {str(name).lower(): str(value)[:200] for name, value in inner.items()} | headers
    return _signals(failure, _status(failure, body), body, headers)


def _signals(failure: Failure, status: int | None, body: Body, headers: Mapping[str, str]) -> Signals:
    said = " | ".join(body.messages[:6])
    return Signals(
        failure=failure,
        status=status,
        shape=body.shape,
        text=" | ".join(filter(None, map(own_words, body.messages[:6]))),
        raw=said[:4_000].lower(),
        # A bare number means something else at every vendor, so it carries the vendor's name: zai:1113.
        codes=frozenset(body.codes + [f"{failure.provider}:{number}" for number in body.numbers[:6]]),
        headers=headers,
        quotas=tuple(body.details.quotas),
        retry_delay=body.retry_after if body.details.retry_delay is None else body.details.retry_delay,
        upstream=_upstream(body, said),
    )


def _status(failure: Failure, body: Body) -> int | None:
    if failure.status is not None and failure.status != 200:
        return failure.status
    if body.shape in (Shape.EMPTY, Shape.HTML):
        return failure.status
    for number in body.numbers:
        if 400 <= number < 600:
            return number
    return next((_STATUS_OF_CODE[code] for code in body.codes if code in _STATUS_OF_CODE), None)


def _upstream(body: Body, said: str) -> str | None:
    """A gateway reports another provider's answer: whatever it says, it is not about our key."""
    raw: Any = body.metadata.get("raw")
    shared_pool = str(body.metadata.get("limit_source", "")).startswith("upstream")
    if not (shared_pool or said.lower().startswith(("provider returned error", "upstream error", "litellm."))):
        return None
    if isinstance(raw, dict):
        raw = raw.get("data")
    if not isinstance(raw, str):
        return own_words(said)
    inner = read_body(raw)
    return " | ".join(map(own_words, inner.messages)) + " " + " ".join(inner.codes)
