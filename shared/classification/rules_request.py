"""The job's own faults: too long, refused content. No key and no wait changes them."""

import re
from datetime import datetime

from shared.classification.rule import Finding, Phrases, Rule
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Scope

_ABOUT_THE_REQUEST = frozenset({200, 400, 403, 413, 422, 451, 498, 500})
_LIMIT = re.compile(
    r"limit:? ~?([\d,]{1,15})(?:[^|]{0,60}?used:? ~?[\d,]{1,15})?[^|]{0,20}?requested:? ~?([\d,]{1,15})"
)

_CONTENT = Phrases(
    Cause.CONTENT_POLICY,
    codes=frozenset(
        {"content_policy_violation", "content_filter", "responsibleaipolicyviolation", "prompt_blocked"}
        | {"data_inspection_failed", "moderation_blocked", "invalid_prompt", "contentfilter", "zai:1301"}
        | {"content_filtered", "image_content_policy_violation", "datainspectionfailed", "safety"}
    ),
    opens=(
        "this content was flagged",
        "your input was flagged",
        "content violates",
        "content exists risk",
        "output blocked by content filtering",
        "your request was rejected as a result of our safety system",
        "this request has been flagged",
        "invalid prompt: your prompt was flagged",
        "the request was blocked by our content",
    ),
    says=(
        "content management policy",
        "content policy",
        "content filter",
        "safety system",
        "safety filter",
        "was flagged",
        "were flagged",
        "requires moderation",
        "violates our usage",
        "violates usage",
        "violating our usage",
        "content exists risk",
        "inappropriate content",
        "unsafe content",
        "guardrail",
        "敏感内容",
    ),
    says_at=_ABOUT_THE_REQUEST,
)
_TOO_LONG = Phrases(
    Cause.CONTEXT_WINDOW,
    codes=frozenset(
        {
            "context_length_exceeded",
            "request_too_large",
            "tokens_limit_reached",
            "string_above_max_length",
            "mistral:3051",
            "zai:1261",
        }
    ),
    opens=("prompt is too long", "input is too long", "request too large", "input length and", "your input exceeds"),
    says=(
        "maximum context length",
        "context length",
        "context window",
        "context limit",
        "context size",
        "prompt is too long",
        "prompt too long",
        "input is too long",
        "too many tokens: ",
        "too many input tokens",
        "maximum prompt length",
        "input token count",
        "reduce the length of",
        "reduce your prompt",
        "reduce your message size",
        "exceeds max length",
        "tokens + ~ must be",
        "request size exceeds",
        "request exceeds the maximum",
        "model's maximum input",
        "input length should be",
        "exceeded model token limit",
    ),
    says_at=frozenset({200, 400, 413, 422, 500}),
)


def _larger_than_the_limit(signals: Signals, now: datetime) -> Finding | None:
    if signals.status not in (400, 413, 429):
        return None
    if signals.text.startswith("request too large"):
        return Finding(Cause.CONTEXT_WINDOW, Scope.REQUEST)
    amounts = stated_amounts(signals.text)
    if amounts is not None and 0 < amounts[0] < amounts[1]:
        return Finding(Cause.CONTEXT_WINDOW, Scope.REQUEST)
    return None


def stated_amounts(text: str) -> tuple[int, int] | None:
    """(limit, requested) where a rate limit answer states both."""
    match = _LIMIT.search(text) if "requested" in text else None
    if match is None:
        return None
    limit, requested = (int("0" + part.replace(",", "")) for part in match.groups())
    return limit, requested


RULES = (
    Rule("content_refused", _CONTENT),
    Rule("larger_than_the_limit", _larger_than_the_limit),
    Rule("too_long", _TOO_LONG),
)
