"""What a valid key may not do, and models that are not there."""

import re
from datetime import datetime

from shared.classification.rule import Finding, Phrases, Rule
from shared.classification.signals import Signals
from shared.classification.verdict import Cause, Confidence, Scope

_DENIED = Phrases(
    Cause.PERMISSION,
    codes=frozenset(
        {"iam_permission_denied", "service_disabled", "api_key_service_blocked", "api_key_http_referrer_blocked"}
        | {"access_token_scope_insufficient", "consumer_invalid", "insufficient_permissions", "model_terms_required"}
        | {"model_permission_blocked_org", "model_permission_blocked_project", "key_model_access_denied"}
        | {
            "team_model_access_denied",
            "permissiondenied",
            "mismatched_organization",
            "authenticationtypedisabled",
            "invalid_organization",
            "zai:1220",
            "zai:1311",
        }
    ),
    opens=(
        "your organization must be verified",
        "your organization has disabled",
        "operation not allowed",
        "model use case details have not been",
    ),
    says=(
        "not authorized to",
        "not have access",
        "don't have access",
        "no access to",
        "not have permission",
        "missing scopes",
        "insufficient permission",
        "have sufficient permission",
        "insufficient authentication scopes",
        "not allowed for this organization",
        "not allowed to",
        "must be verified",
        "must be a member of",
        "requires terms acceptance",
        "blocked at the organization level",
        "has not been used in project",
        "not found for account",
        "not yet include access",
        "not include access",
        "not included in your",
        "only authorized for use",
        "requests from referer",
        "use case details have not been",
        "requires a subscription",
        "upgrade for access",
    ),
    says_at=frozenset({401, 403, 404, 412}),
)
_GENERAL = frozenset(
    {
        "permission_error",
        "permission_denied",
        "accessdeniedexception",
        "access_denied",
        "insufficient_scope",
        "model.accessdenied",
        "the caller does not have permission to execute the specified operation",
    }
)
_ABSENT = Phrases(
    Cause.MODEL_NOT_FOUND,
    codes=frozenset(
        {"model_not_found", "deploymentnotfound", "model_decommissioned", "invalid_model", "model_not_available"}
        | {
            "dedicated_endpoint_not_running",
            "model_deprecated",
            "unknown_model",
            "modelnotfound",
            "zai:1211",
            "mistral:1500",
        }
    ),
    opens=(
        "model not exist",
        "model not found",
        "invalid model",
        "unknown model",
        "model: ",
        "the specified version does not exist",
    ),
    says=(
        "no endpoints found",
        "not a valid model",
        "model identifier is invalid",
        "on-demand throughput",
        "no such model",
        "unable to access model",
        "unable to access non-serverless model",
        "invalid model",
        "unknown model",
        "model not exist",
        "deployment for this resource does not exist",
        "not a chat model",
        "reached the end of its life",
        "requested entity was not found",
    ),
    says_at=frozenset({400, 404, 410, 422}),
    hushed_at=frozenset({401, 403}),
)
_OLLAMA = frozenset({"ollama", "ollama_chat"})
_PRIVACY = Phrases(
    Cause.PERMISSION,
    opens=("no endpoints found matching your data policy", "this credential is only authorized for use"),
)
# The model must be the subject: "'logprobs' is not supported with this model" is about the parameter.
_GONE = re.compile(
    r"\b(?:models?|endpoint for|models/[\w.~-]+)\b[^.|]{0,120}?(?:\.\d[^.|]{0,60})*?"
    r"\b(?:not found|(?:does not|doesn't|not) exist|is not available|is not supported|is not running|decommissioned|"
    r"deprecated|no longer (?:available|supported)|end of life|was removed|been removed|been retired|is retired)\b"
)


def _gone(signals: Signals, now: datetime) -> Finding | None:
    if signals.status in (400, 404, 410, 422) and "model" in signals.text and _GONE.search(signals.text[:500]):
        return Finding(Cause.MODEL_NOT_FOUND, Scope.PROVIDER_MODEL)
    return None


def _denied_in_general(signals: Signals, now: datetime) -> Finding | None:
    if signals.status in (401, 403) and (
        not signals.codes.isdisjoint(_GENERAL)
        or "model_not_found" in signals.codes
        or "permission denied" in signals.text
    ):
        return Finding(Cause.PERMISSION, Scope.KEY_MODEL)
    return None


def _not_found_about_a_model(signals: Signals, now: datetime) -> Finding | None:
    """A 404 without a word about a model is an incident or a wrong base address, not a missing model."""
    if signals.status == 404 and ("model" in signals.text or (signals.text and signals.names_model)):
        return Finding(Cause.MODEL_NOT_FOUND, Scope.PROVIDER_MODEL, Confidence.LOW)
    return None


def _not_pulled(signals: Signals, now: datetime) -> Finding | None:
    """Ollama, also where it speaks OpenAI's format."""
    ollama = signals.provider in _OLLAMA and "not found" in signals.text
    if signals.status == 404 and "model" in signals.text and (ollama or "try pulling it" in signals.text):
        return Finding(Cause.MODEL_NOT_FOUND, Scope.PROVIDER_MODEL, note="pull")
    return None


RULES = (
    Rule("model_not_pulled", _not_pulled),
    Rule("account_settings_forbid", _PRIVACY),
    Rule("model_absent", _ABSENT),
    Rule("model_gone", _gone),
    Rule("permission_denied", _DENIED),
    Rule("permission_denied_in_general", _denied_in_general),
)
LAST_RULES = (Rule("not_found_about_a_model", _not_found_about_a_model),)
