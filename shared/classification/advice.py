"""What the person on call should do, in words. Never repeats the answer: it may hold a key or a prompt."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.classification.failure import Failure
from shared.classification.rule import Finding
from shared.classification.verdict import Cause, Confidence, Scope

_PAGES: Mapping[str, tuple[str, str, str]] = {  # keys, money and limits, provider's state
    "anthropic": (
        "console.anthropic.com/settings/keys",
        "console.anthropic.com/settings/billing",
        "status.anthropic.com",
    ),
    "openai": (
        "platform.openai.com/api-keys",
        "platform.openai.com/settings/organization/billing",
        "status.openai.com",
    ),
    "gemini": ("aistudio.google.com/apikey", "aistudio.google.com/usage", "aistudio.google.com/status"),
    "vertex_ai": (
        "console.cloud.google.com/iam-admin",
        "console.cloud.google.com/billing",
        "status.cloud.google.com",
    ),
    "groq": ("console.groq.com/keys", "console.groq.com/settings/billing", "groqstatus.com"),
    "mistral": ("console.mistral.ai/api-keys", "console.mistral.ai/billing", "status.mistral.ai"),
    "openrouter": ("openrouter.ai/settings/keys", "openrouter.ai/settings/credits", "status.openrouter.ai"),
    "deepseek": ("platform.deepseek.com/api_keys", "platform.deepseek.com/top_up", "status.deepseek.com"),
    "xai": ("console.x.ai", "console.x.ai", "status.x.ai"),
    "cohere": ("dashboard.cohere.com/api-keys", "dashboard.cohere.com/billing", "status.cohere.com"),
    "together_ai": ("api.together.ai/settings/api-keys", "api.together.ai/settings/billing", "status.together.ai"),
    "fireworks_ai": ("fireworks.ai/account/api-keys", "fireworks.ai/account/billing", "status.fireworks.ai"),
    "cerebras": ("cloud.cerebras.ai", "cloud.cerebras.ai", "status.cerebras.ai"),
    "perplexity": ("perplexity.ai/settings/api", "perplexity.ai/settings/api", "status.perplexity.com"),
    "zai": ("z.ai/manage-apikey", "z.ai/manage-apikey/billing", "z.ai"),
    "nvidia_nim": ("build.nvidia.com", "build.nvidia.com", "status.ngc.nvidia.com"),
    "azure": ("portal.azure.com", "portal.azure.com", "azure.status.microsoft"),
    "bedrock": ("console.aws.amazon.com/iam", "console.aws.amazon.com/billing", "health.aws.amazon.com"),
}
_ANY = ("the provider's key page", "the provider's billing page", "the provider's status page")

_TEXTS: Mapping[Cause, str] = {
    Cause.AUTH_INVALID: "The provider does not accept this key. Create a new one at {keys} and replace it.",
    Cause.AUTH_MISSING: "No usable credential reached the provider. Check that this key is set; keys: {keys}.",
    Cause.ACCOUNT_SUSPENDED: "The provider closed this account. Contact its support; account pages: {money}.",
    Cause.BILLING: "The account has no money left. Pay or raise its limit at {money}.",
    Cause.PERMISSION: "The key is valid but may not use this model or API. Grant access at {keys} or use another.",
    Cause.MODEL_NOT_FOUND: "The provider does not serve this model. Correct or replace it in the configuration.",
    Cause.QUOTA_DAILY: "The daily allowance is spent and returns by itself. To raise it: {money}.",
    Cause.QUOTA_PERIODIC: "An allowance is spent and returns by itself at its reset. To raise it: {money}.",
    Cause.RATE_LIMIT_SHORT: "Too many requests for the moment; over by itself. Add keys if it repeats.",
    Cause.OVERLOADED: "The provider is overloaded or faulty; keys are not the reason. Its state: {state}.",
    Cause.TIMEOUT: "The provider did not answer in time; keys are not the reason. Its state: {state}.",
    Cause.NETWORK: "The provider could not be reached; keys are not the reason. Its state: {state}.",
    Cause.UNKNOWN: "The answer cannot be explained. If it repeats, check the base address and {state}.",
    Cause.CONTEXT_WINDOW: "The request is too long for this model or its limits. Shorten it; no other key helps.",
    Cause.CONTENT_POLICY: "The content was refused. Change the request; no other key helps.",
    Cause.BAD_REQUEST: "The request itself is wrong. Correct it; no other key helps.",
}
_EGRESS = (
    "The provider refuses this host's address or location, or something between blocks it; keys are not the"
    " reason. Check the proxy, firewall and outgoing address of this host."
)
_NOTES: Mapping[str, str] = {
    "clock": "The signature's time is wrong. Check the clock of this host; the key is not the reason.",
    "pull": "The server does not have this model. Get it there with `ollama pull {model}`, or name another.",
    "host_lacks": "This host lacks a library or setting that this kind of provider needs; keys are not the reason.",
    "key_limit": "This key reached the spending limit set on it. Raise the limit at {keys}.",
}
_NOT_THERE = (
    "The server at {base} cannot be reached, or hung up; keys are not the reason. See that it runs there, or correct"
    " the address: `watchkeeper providers edit NAME --api-base URL`."
)
_AT_HOME: Mapping[str, str] = dict.fromkeys(("ollama", "ollama_chat"), "http://127.0.0.1:11434")
_MODEL_NAME = re.compile(r"[\w.:/@+-]{1,200}")  # it is put into a command that people paste
_UNDECIDED = " One answer cannot decide this: a probe will."
_AUTH_OF: Mapping[str, str] = {
    "azure": "The key or the endpoint is wrong: the answer is the same for both. Check both at {keys}.",
    "mistral": "The key is revoked or its plan is spent: the answer is the same for both. See {keys} and {money}.",
}


def advise(finding: Finding, failure: Failure) -> str:
    """One or two sentences for `finding`. Of the failure only what was configured is named: model, base address."""
    text, base = _TEXTS[finding.cause], _own_base(failure)
    if finding.note:
        text = _NOTES[finding.note]
    elif finding.scope is Scope.EGRESS:
        text = _EGRESS
    elif finding.cause is Cause.AUTH_INVALID:
        text = _AUTH_OF.get(failure.provider, text)
    elif finding.cause is Cause.NETWORK and base:
        text = _NOT_THERE
    keys, money, state = _PAGES.get(failure.provider, _ANY)
    # What is put in may hold braces, so all at once.
    text = text.format(keys=keys, money=money, state=state, base=base, model=_bare(failure.model))
    undecided = finding.confidence is Confidence.LOW and finding.scope is Scope.KEY
    return text + _UNDECIDED if undecided else text


def _own_base(failure: Failure) -> str:
    """Scheme, host and port of a base address that somebody configured, or that a server at home has."""
    try:
        parts = urlsplit(failure.api_base or _AT_HOME.get(failure.provider, ""))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""


def _bare(model: str) -> str:
    prefix, slash, rest = model.partition("/")
    name = rest if slash and prefix in _AT_HOME else model
    return name if _MODEL_NAME.fullmatch(name) else "MODEL"
