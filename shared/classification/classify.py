"""The order in which rules are asked. The first that finds something decides."""

from datetime import UTC, datetime, timedelta

from shared.classification import (
    fallback,
    rules_account,
    rules_auth,
    rules_capacity,
    rules_limits,
    rules_model,
    rules_request,
    rules_transport,
)
from shared.classification.advice import advise
from shared.classification.failure import Failure
from shared.classification.rule import PUNISHING, Finding, Rule
from shared.classification.signals import Signals, read_signals
from shared.classification.verdict import Verdict

RULES: tuple[Rule, ...] = (
    *rules_transport.RULES,  # no answer, or not the provider's
    *rules_capacity.GATEWAY_RULES,  # not about our key, whatever it says
    *rules_account.RULES,  # money hides behind 400, 401, 403 and 429
    *rules_request.RULES,
    *rules_limits.FIRST_RULES,
    *rules_capacity.RULES,  # capacity hides behind 429
    *rules_limits.RULES,
    *rules_auth.RULES,
    *rules_model.RULES,
    *rules_account.LAST_RULES,
    *rules_auth.LAST_RULES,
    *rules_model.LAST_RULES,
    *fallback.RULES,
)


def classify(failure: Failure, now: datetime) -> Verdict:
    """What `failure` means at `now` (aware). Pure; never raises, whatever the answer holds."""
    signals = read_signals(failure)
    rule, finding = _decide(signals, now)
    return Verdict(
        cause=finding.cause,
        scope=finding.scope,
        until=None if finding.lasts is None else _moment(now, finding.lasts),
        confidence=finding.confidence,
        advice=advise(finding, failure),
        rule=rule,
    )


def _decide(signals: Signals, now: datetime) -> tuple[str, Finding]:
    for rule in RULES:
        finding = rule.find(signals, now)
        if finding is None or (signals.server and finding.scope in PUNISHING):
            continue  # a server that is itself at fault cannot speak against a key
        return rule.name, finding
    return "nothing_known", fallback.NOTHING


def _moment(now: datetime, lasts: timedelta) -> datetime:
    return now.astimezone(UTC) + max(lasts, timedelta(0))
