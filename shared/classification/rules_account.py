"""The account behind the key: closed by the provider, or out of money."""

import re
from datetime import datetime

from shared.classification.rule import DENIED, Finding, Phrases, Rule
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope

# The subject must be the account itself. "project 123 before or it is disabled" and "the model is blocked at
# the organization level" are about an API and a model.
_CLOSED = re.compile(
    r"(?:^|\b(?:this|your|the|user|team|account) )"
    r"(?:openai )?(?:organi[sz]ation|account|team|project|consumer|workspace|subscription|access)"
    r"(?: [\w.@~<>-]+)?(?: associated with this api key)?"
    r" (?:has been|is|was|have been) (?:\w+ )?"
    r"(?:disabled|suspended|restricted|deactivated|terminated|banned|locked|closed|denied access|not active"
    r"|inactive)\b(?! (?:from|to|for the model)\b)"
    r"|\b(?:service|gemini) has been disabled in this account"
)
_CLOSED_CODES = frozenset(
    {
        "organization_restricted",
        "account_deactivated",
        "account_suspended",
        "access_terminated",
        "consumer_suspended",
        "organization_disabled",
        "account_locked",
        "zai:1112",
        "zai:1121",
    }
)
_CLOSING = ("disabled", "suspended", "restricted", "activ", "terminated", "banned", "locked", "closed", "denied")
_FOR_MONEY = ("insufficient balance", "recharge", "billing details", "check your billing")
_UNPAID_CODES = frozenset(
    {"billing_not_active", "billing_hard_limit_reached", "billing_disabled", "budget_exceeded", "billing_error"}
    | {
        "credits_exhausted",
        "insufficient_balance",
        "insufficient_credits",
        "arrearage",
        "zai:1113",
        "zai:1309",
        "exceeded_current_quota_error",
        "not_enough_balance",
    }
)

_UNPAID = Phrases(
    Cause.BILLING,
    codes=_UNPAID_CODES,
    opens=(
        "your credit balance is too low",
        "insufficient balance",
        "insufficient credit",
        "insufficient funds",
        "billing hard limit",
        "your account is not active, please check your billing",
        "your prepayment credits",
        "budget has been exceeded",
        "exceededbudget",
        "you have run out of credits",
        "you have no credits",
        "model access is denied due to invalid_payment_instrument",
        "this api method requires billing",
        "余额不足",
    ),
    says=(
        "credit balance is too low",
        "insufficient balance",
        "insufficient credit",
        "insufficient funds",
        "credit limit exceeded",
        "credits are depleted",
        "credits expired",
        "credits have been exhausted",
        "out of credits",
        "have any credits",
        "used all available credits",
        "no credits remaining",
        "requires more credits",
        "can only afford",
        "monthly spending limit",
        "spending limit reached",
        "billing hard limit",
        "billing to be enabled",
        "billing is not active",
        "check your billing details",
        "payment required",
        "update your payment method",
        "invalid_payment_instrument",
        "past invoices",
        "please recharge",
        "not enough balance",
        "balance is insufficient",
        "overdue balance",
        "budget has been exceeded",
        "key limit exceeded",
        "inactive subscription",
        "余额不足",
        "欠费",
    ),
)
# Google says this of every limit, and Alibaba of its rate limits; elsewhere it means money.
_QUOTA_IS_A_RATE = frozenset({"gemini", "vertex_ai", "vertex_ai_beta", "dashscope"})
_COMES_BACK = ("regain access", "reset at", "resets at", "resets on", "will reset")
_CAPPED_FOR = ("(daily limit)", "(weekly limit)", "(monthly limit)")


def _closed(signals: Signals, now: datetime) -> Finding | None:
    if not signals.codes.isdisjoint(_CLOSED_CODES):
        return Finding(Cause.ACCOUNT_SUSPENDED, Scope.ACCOUNT)
    text = signals.text
    if not any(word in text for word in _CLOSING) or any(part in text for part in _FOR_MONEY):
        return None
    match = _CLOSED.search(text)
    if match is None or (signals.status not in DENIED and match.start() > 0):
        return None
    return Finding(Cause.ACCOUNT_SUSPENDED, Scope.ACCOUNT)


def _unpaid(signals: Signals, now: datetime) -> Finding | None:
    text = signals.text
    if any(part in text for part in _COMES_BACK) or any(part in text for part in _CAPPED_FOR):
        return None  # an allowance with an end, not an empty account
    finding = _UNPAID(signals, now)
    if signals.status == 402 and "tokens limit exceeded" in text:  # what is left on the key buys no prompt so long
        return Finding(Cause.BILLING, Scope.KEY, note="key_limit")
    if finding is not None and "key limit exceeded" in text:
        return Finding(Cause.BILLING, Scope.KEY, note="key_limit")
    return finding


def _plan_spent(signals: Signals, now: datetime) -> Finding | None:
    if signals.provider in _QUOTA_IS_A_RATE or "resource_exhausted" in signals.codes:
        return None
    said = signals.status in DENIED and "exceeded your current quota" in signals.text
    if said or "insufficient_quota" in signals.codes:
        return Finding(Cause.BILLING, Scope.ACCOUNT)
    return None


def _payment_required(signals: Signals, now: datetime) -> Finding | None:
    if signals.status != 402 or any(part in signals.text for part in _COMES_BACK):
        return None
    return Finding(Cause.BILLING, Scope.ACCOUNT, Confidence.HIGH if signals.text else Confidence.LOW)


RULES = (
    Rule("account_closed", _closed),
    Rule("account_unpaid", _unpaid),
    Rule("plan_spent", _plan_spent),
)
LAST_RULES = (Rule("payment_required", _payment_required),)
