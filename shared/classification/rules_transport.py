"""Failures of the way: no answer at all, a page instead of an answer, or this host turned away."""

from datetime import datetime, timedelta

from shared.classification.body import Shape
from shared.classification.reset import stated_wait
from shared.classification.rule import DEFAULT_SCOPE, Finding, Phrases, Rule
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope

_NO_CREDENTIAL = (
    "unable to locate credentials",
    "credentials were not found",
    "credentials not found",
    "could not be found",
    "api_key client option must be set",
    "missing credentials",
    "no api key",
    "api key is required",
    "missing api key",
    "authenticationerror",
)
_SIGNS = frozenset({"bedrock", "bedrock_converse", "sagemaker", "vertex_ai", "vertex_ai_beta"})
"""They sign each request; what stops one before it leaves, without a word, is a credential that is not there."""
_HOST_LACKS = ("modulenotfounderror", "importerror", "filenotfounderror")
_BAD_CREDENTIAL = ("invalid_grant", "invalid jwt", "invalid private key", "could not deserialize key data")
_THIS_HOST = (
    "name or service not known",
    "temporary failure in name resolution",
    "nodename nor servname",
    "getaddrinfo failed",
    "network is unreachable",
    "no route to host",
    "certificate verify failed",
    "proxy",
)
# litellm's class says nothing certain about an HTTP answer, but where there was none it is all there is.
_BY_CLASS = (
    (("timeout", "timed out"), Cause.TIMEOUT),
    (("contextwindowexceeded",), Cause.CONTEXT_WINDOW),
    (("contentpolicyviolation",), Cause.CONTENT_POLICY),
    (("apiconnectionerror", "connection", "disconnected", "connecterror", "readerror", "ssl"), Cause.NETWORK),
    (("notfounderror", "model isn't mapped"), Cause.MODEL_NOT_FOUND),
    (("badrequesterror", "unsupportedparams", "invalidrequest"), Cause.BAD_REQUEST),
)
_CHALLENGE = ("attention required", "just a moment", "access denied", "blocked", "captcha", "sorry")


def _without_answer(signals: Signals, now: datetime) -> Finding | None:
    kind, text = signals.failure.kind, signals.raw
    if kind == "no_key":
        return Finding(Cause.AUTH_MISSING, Scope.KEY)
    if kind == "timeout":
        return Finding(Cause.TIMEOUT, Scope.PROVIDER)
    if kind == "network":
        return Finding(Cause.NETWORK, Scope.EGRESS if any(part in text for part in _THIS_HOST) else Scope.PROVIDER)
    return None


def _local(signals: Signals, now: datetime) -> Finding | None:
    if signals.failure.kind != "local":
        return None
    text = signals.raw
    if not text and signals.provider in _SIGNS:
        return Finding(Cause.AUTH_MISSING, Scope.KEY, Confidence.LOW)
    if text.startswith(_HOST_LACKS):
        return Finding(Cause.UNKNOWN, Scope.REQUEST, note="host_lacks")
    if any(part in text for part in _BAD_CREDENTIAL):
        return Finding(Cause.AUTH_INVALID, Scope.KEY, Confidence.LOW)
    if any(part in text for part in _NO_CREDENTIAL):
        return Finding(Cause.AUTH_MISSING, Scope.KEY)
    if any(part in text for part in _THIS_HOST):
        return Finding(Cause.NETWORK, Scope.EGRESS)
    for parts, cause in _BY_CLASS:
        if any(part in text for part in parts):
            return Finding(cause, DEFAULT_SCOPE[cause], Confidence.LOW)
    return Finding(Cause.UNKNOWN, Scope.REQUEST, Confidence.LOW)


def _blank_success(signals: Signals, now: datetime) -> Finding | None:
    if signals.status not in (None, 200) or signals.failure.status != 200:
        return None
    if signals.shape in (Shape.EMPTY, Shape.BROKEN):
        return Finding(Cause.OVERLOADED, Scope.PROVIDER)
    if signals.shape is Shape.STREAM and not signals.text and not signals.codes:
        return Finding(Cause.OVERLOADED, Scope.PROVIDER, Confidence.LOW)
    return None


def _address_throttled(signals: Signals, now: datetime) -> Finding | None:
    """What stands before the API counts the requests of an address, not of a key."""
    if signals.status != 429 or not (signals.shape is Shape.HTML or signals.text.startswith("error code: 1015")):
        return None
    wait = stated_wait(signals, now) or timedelta(seconds=60)
    return Finding(Cause.RATE_LIMIT_SHORT, Scope.EGRESS, Confidence.LOW, wait)


def _page(signals: Signals, now: datetime) -> Finding | None:
    """An HTML page comes from something in front of the API, so it rarely says anything about a key."""
    if signals.shape is not Shape.HTML:
        return None
    status = signals.status or 0
    if status in (200, 403, 407, 511) or 300 <= status < 400:
        return Finding(Cause.NETWORK, Scope.EGRESS)
    if status == 401:  # the provider's own gateway, or a proxy of ours: only a probe can tell
        return Finding(Cause.AUTH_INVALID, Scope.KEY, Confidence.LOW)
    if status == 503 and any(part in signals.text for part in _CHALLENGE):
        return Finding(Cause.NETWORK, Scope.EGRESS)
    if status == 413:
        return Finding(Cause.CONTEXT_WINDOW, Scope.REQUEST, Confidence.LOW)
    if status == 408:
        return Finding(Cause.TIMEOUT, Scope.PROVIDER)
    if status >= 500:
        return Finding(Cause.OVERLOADED, Scope.PROVIDER)
    return Finding(Cause.UNKNOWN, Scope.REQUEST, Confidence.LOW)


def _proxy(signals: Signals, now: datetime) -> Finding | None:
    """A proxy on our own side wants credentials of its own."""
    return Finding(Cause.NETWORK, Scope.EGRESS) if signals.status in (407, 511) else None


_BLOCKED = Phrases(
    Cause.NETWORK,
    scope=Scope.EGRESS,
    opens=("error code: 1006", "error code: 1009", "error code: 1010", "error code: 1020"),
    says=("check your network settings", "unusual traffic", "just a moment"),
    says_at=frozenset({401, 403, 407, 429}),
)
_ADDRESS = Phrases(
    Cause.PERMISSION,
    scope=Scope.EGRESS,
    codes=frozenset({"unsupported_country_region_territory", "ip_not_authorized", "api_key_ip_address_blocked"}),
    opens=(
        "user location is not supported",
        "country, region, or territory not supported",
        "gemini api free tier is not available in your country",
        "request not allowed",
    ),
    says=(
        "location is not supported",
        "not supported in your region",
        "not available in your country",
        "not available in your region",
        "unsupported countr",
        "ip is not authorized",
        "ip address restriction",
        "ip address is not allowed",
        "virtual network/firewall rules",
        "public access is disabled",
        "violation of provider terms of service",
    ),
    says_at=frozenset({400, 401, 403, 451}),
)

RULES = (
    Rule("no_answer", _without_answer),
    Rule("local_error", _local),
    Rule("blank_success", _blank_success),
    Rule("own_proxy_refused", _proxy),
    Rule("address_throttled", _address_throttled),
    Rule("page_instead_of_answer", _page),
    Rule("host_blocked", _BLOCKED),
    Rule("location_or_address_refused", _ADDRESS),
)
