"""What the status alone says. On the safe side: nothing here sets a key aside for good."""

from datetime import datetime

from shared.classification.reset import stated_wait
from shared.classification.rule import DEFAULT_SCOPE, Finding, Rule
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope

_BY_STATUS = {
    400: Cause.BAD_REQUEST,
    405: Cause.BAD_REQUEST,
    406: Cause.BAD_REQUEST,
    411: Cause.BAD_REQUEST,
    413: Cause.CONTEXT_WINDOW,
    414: Cause.BAD_REQUEST,
    415: Cause.BAD_REQUEST,
    422: Cause.BAD_REQUEST,
    431: Cause.BAD_REQUEST,
    408: Cause.TIMEOUT,
    498: Cause.OVERLOADED,
    499: Cause.TIMEOUT,
    410: Cause.MODEL_NOT_FOUND,
    424: Cause.OVERLOADED,
    425: Cause.OVERLOADED,
}
_TIMED_OUT_CODES = frozenset({"deadline_exceeded", "timeout_error", "modeltimeoutexception", "request_timeout"})


def _timed_out(signals: Signals, now: datetime) -> Finding | None:
    if signals.codes.isdisjoint(_TIMED_OUT_CODES) and not signals.text.startswith(
        ("request timed out", "deadline exp")
    ):
        return None
    return Finding(Cause.TIMEOUT, Scope.PROVIDER)


def _by_status(signals: Signals, now: datetime) -> Finding | None:
    status = signals.status
    if status is None or status == 200:
        return None
    if status >= 500:
        scope = Scope.PROVIDER_MODEL if "model" in signals.text else Scope.PROVIDER
        return Finding(Cause.OVERLOADED, scope, lasts=stated_wait(signals, now))
    cause = _BY_STATUS.get(status)
    if cause is None:
        return None
    sure = Confidence.HIGH if signals.text or signals.codes else Confidence.LOW
    return Finding(cause, DEFAULT_SCOPE[cause], sure)


RULES = (Rule("timed_out", _timed_out), Rule("status_alone", _by_status))
NOTHING = Finding(Cause.UNKNOWN, Scope.REQUEST, Confidence.LOW)
