"""The provider's side: no capacity, or a fault behind a gateway. Never a reason to set a key aside."""

from datetime import datetime

from shared.classification.reset import stated_wait
from shared.classification.rule import Finding, Phrases, Rule
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope

_BUSY = Phrases(
    Cause.OVERLOADED,
    codes=frozenset(
        {"overloaded_error", "engine_overloaded", "server_overloaded", "service_tier_capacity_exceeded"}
        | {"queue_exceeded", "slow_down", "serviceunavailableexception", "modelnotreadyexception"}
        | {"modelerrorexception", "internalserverexception", "model_overloaded", "capacity_exceeded", "mistral:3505"}
        | {"zai:1305", "zai:1312", "serveroverloaded"}
    ),
    opens=("upstream connect error", "no healthy upstream", "no deployments available"),
    says=(
        "overloaded",
        "high demand",
        "high traffic",
        "high load",
        "at capacity",
        "over capacity",
        "capacity exceeded",
        "capacity is exceeded",
        "capacity temporarily exceeded",
        "server overload",
        "unable to handle additional requests",
        "temporarily unavailable",
        "service unavailable",
        "too busy",
        "server busy",
        "model busy",
        "server is busy",
        "rate-limited upstream",
        "no instances available",
        "no deployments available",
        "pending requests exceeded",
        "total request limit reached",
        "degraded function",
    ),
    says_at=frozenset({400, 408, 424, 425, 429, 498, 500, 502, 503, 504, 520, 529}),
)
_ONE_MODEL = ("model", "engine", "upstream", "worker", "function")
_SHARED_POOL = frozenset({"vertex_ai", "vertex_ai_beta"})
_REFUSED_CONTENT = ("flagged", "content_filter", "content policy", "moderation", "content management policy")
_TOO_LONG = ("context length", "prompt is too long", "context_length_exceeded", "context window", "too long")


def _behind_a_gateway(signals: Signals, now: datetime) -> Finding | None:
    said = signals.upstream
    if said is None:
        return None
    if signals.status in (400, 413, 422, 451):
        if any(part in said for part in _TOO_LONG):
            return Finding(Cause.CONTEXT_WINDOW, Scope.REQUEST)
        if any(part in said for part in _REFUSED_CONTENT):
            return Finding(Cause.CONTENT_POLICY, Scope.REQUEST)
        return Finding(Cause.BAD_REQUEST, Scope.REQUEST, Confidence.LOW)
    if signals.status == 404:
        return Finding(Cause.MODEL_NOT_FOUND, Scope.PROVIDER_MODEL, Confidence.LOW)
    return Finding(Cause.OVERLOADED, Scope.PROVIDER_MODEL, lasts=stated_wait(signals, now))


def _busy(signals: Signals, now: datetime) -> Finding | None:
    if _BUSY(signals, now) is None:
        return None
    scope = Scope.PROVIDER_MODEL if any(part in signals.text for part in _ONE_MODEL) else Scope.PROVIDER
    return Finding(Cause.OVERLOADED, scope, lasts=stated_wait(signals, now))


def _pool_shared_by_all(signals: Signals, now: datetime) -> Finding | None:
    """Vertex AI answers so when its shared pool is empty; a limit of one's own is named as a quota."""
    if signals.provider not in _SHARED_POOL or signals.status != 429 or signals.quotas:
        return None
    if "resource exhausted" in signals.text and "quota" not in signals.text:
        return Finding(Cause.OVERLOADED, Scope.PROVIDER_MODEL, lasts=stated_wait(signals, now))
    return None


GATEWAY_RULES = (Rule("fault_behind_a_gateway", _behind_a_gateway),)
RULES = (Rule("no_capacity", _busy), Rule("shared_pool_empty", _pool_shared_by_all))
