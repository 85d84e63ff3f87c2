"""For every cause that sets a key or an account aside: answers that look like it and are something else."""

import pytest

from shared.classification import Cause, Failure, Scope, classify
from shared.classification.failure import Kind
from tests.shared.classification.cases import NOW, PUNISHING, answer, said

NEAR_MISSES: dict[str, tuple[Failure, Cause]] = {
    "auth_invalid: the id of a key in a refusal of content": (
        said(403, "Content violates usage guidelines. API key ID: 9a. Failed check: SAFETY", provider="xai"),
        Cause.CONTENT_POLICY,
    ),
    "auth_invalid: an invalid parameter called key": (
        said(400, "Invalid parameter: key must be a string of at most 64 characters"),
        Cause.BAD_REQUEST,
    ),
    "auth_invalid: a gateway whose own key is refused": (
        answer(
            401,
            {"error": {"message": "Provider returned error", "code": 401, "metadata": {"raw": "Invalid API key"}}},
            provider="openrouter",
        ),
        Cause.OVERLOADED,
    ),
    "auth_invalid: a wrong clock": (
        answer(403, {"message": "Signature not yet current: 20260315T130000Z"}, provider="bedrock"),
        Cause.UNKNOWN,
    ),
    "auth_invalid: a server error that talks of authentication": (
        said(503, "Authentication failed: token service is down"),
        Cause.OVERLOADED,
    ),
    "auth_invalid: a page of a firewall": (
        answer(403, "<html><title>Access denied: invalid token</title>"),
        Cause.NETWORK,
    ),
    "auth_missing: a missing field": (said(400, "Missing required parameter: 'messages'."), Cause.BAD_REQUEST),
    "account_suspended: a restricted rate": (
        said(429, "Your account is restricted to 3 requests per minute."),
        Cause.RATE_LIMIT_SHORT,
    ),
    "account_suspended: an API that is disabled in a project": (
        answer(
            403,
            {
                "error": {
                    "status": "PERMISSION_DENIED",
                    "message": "Vertex AI API has not been used in project 4 before or it is disabled.",
                }
            },
            provider="vertex_ai",
        ),
        Cause.PERMISSION,
    ),
    "account_suspended: a model that is blocked for the organization": (
        said(403, "The model `x` is blocked at the organization level. Please have the org admin enable it."),
        Cause.PERMISSION,
    ),
    "account_suspended: a suspended account in the text of the user": (
        said(400, "messages.0: the sentence my account has been suspended is not an object"),
        Cause.BAD_REQUEST,
    ),
    "billing: a rate limit that sells an upgrade": (
        said(
            429,
            "Rate limit reached on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s. "
            "You can increase your rate limit by adding a payment method to your account.",
        ),
        Cause.RATE_LIMIT_SHORT,
    ),
    "billing: type credit_limit on a rate limit": (
        answer(429, {"error": {"message": "Your rate limit is 60 queries per minute.", "type": "credit_limit"}}),
        Cause.RATE_LIMIT_SHORT,
    ),
    "billing: no credits were charged": (
        said(403, "Your input was flagged. No credits were charged.", provider="openrouter"),
        Cause.CONTENT_POLICY,
    ),
    "billing: Google's sentence about every limit": (
        answer(
            429,
            {
                "error": {
                    "status": "RESOURCE_EXHAUSTED",
                    "message": "You exceeded your current quota, please check your plan and billing details.",
                }
            },
            provider="gemini",
        ),
        Cause.RATE_LIMIT_SHORT,
    ),
    "billing: a spent allowance with a date": (
        said(
            400,
            "You have reached your specified workspace API usage limits. "
            "You will regain access on 2026-04-01 at 00:00 UTC.",
        ),
        Cause.QUOTA_PERIODIC,
    ),
    "permission: a country": (said(403, "Country, region, or territory not supported"), Cause.PERMISSION),
    "permission: a forbidden answer that says nothing": (said(403, "Forbidden"), Cause.UNKNOWN),
    "permission: a model that is not there": (
        said(404, "The model `x` does not exist or you do not have access to it."),
        Cause.MODEL_NOT_FOUND,
    ),
    "quota_daily: an upgrade that names a day": (
        said(
            429, "Rate limit exceeded: free-models-per-min. Add 10 credits to unlock 1000 free model requests per day"
        ),
        Cause.RATE_LIMIT_SHORT,
    ),
    "quota_daily: an upgrade sold today": (
        said(429, "Rate limit reached. Need more tokens? Upgrade to Dev Tier today"),
        Cause.RATE_LIMIT_SHORT,
    ),
    "quota_periodic: a month in the text of the user": (
        said(400, "Unknown field: monthly limit. Expected one of: model, messages"),
        Cause.BAD_REQUEST,
    ),
    "quota_periodic: a wait of a day that is only a default": (
        said(429, "You have exceeded the call rate limit. Please retry after 86400 seconds.", provider="azure"),
        Cause.RATE_LIMIT_SHORT,
    ),
    "rate_limit_short: no capacity": (
        said(429, "The model is at capacity. Please try again later."),
        Cause.OVERLOADED,
    ),
    "rate_limit_short: a request larger than the limit": (
        said(
            429,
            "Rate limit reached on tokens per minute (TPM): Limit 7,000, Used 0, Requested ~12,903. "
            "Try again in 50s.",
        ),
        Cause.CONTEXT_WINDOW,
    ),
    "rate_limit_short: the pool of a provider behind a gateway": (
        answer(
            429,
            {
                "error": {
                    "message": "Provider returned error",
                    "code": 429,
                    "metadata": {"raw": "Rate limit exceeded"},
                }
            },
        ),
        Cause.OVERLOADED,
    ),
}
KEPT = {
    Cause.PERMISSION: "its own test",
    Cause.RATE_LIMIT_SHORT: "cooling is not quarantine",
    Cause.QUOTA_PERIODIC: "returns",
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_what_only_looks_like_a_fault_of_the_key_is_seen_for_what_it_is(name: str) -> None:
    failure, cause = NEAR_MISSES[name]

    verdict = classify(failure, NOW)

    assert verdict.cause is cause, verdict
    if cause not in KEPT:
        assert verdict.scope not in PUNISHING


def test_a_country_is_about_the_host_and_not_about_the_key() -> None:
    failure, _ = NEAR_MISSES["permission: a country"]

    assert classify(failure, NOW).scope is Scope.EGRESS


def test_without_http_only_a_missing_credential_speaks_of_the_key() -> None:
    def cause(kind: Kind, text: str = "") -> Cause:
        return classify(Failure("bedrock", "m", kind=kind, local_error=text), NOW).cause

    assert cause("no_key") is Cause.AUTH_MISSING
    assert cause("local", "NoCredentialsError: Unable to locate credentials") is Cause.AUTH_MISSING
    assert cause("local", "RefreshError: invalid_grant: Invalid JWT Signature.") is Cause.AUTH_INVALID
    assert cause("local", "APIConnectionError: unexpected field service_tier") is Cause.NETWORK
    assert cause("local", "KeyError: 'choices'") is Cause.UNKNOWN
    assert cause("timeout") is Cause.TIMEOUT
    assert cause("network", "connection reset by peer") is Cause.NETWORK
