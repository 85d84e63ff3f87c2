"""Providers we know by name, so that an environment key alone is enough to start (DESIGN 5)."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """What a provider needs before anyone configured it.

    Attributes:
        name: its name here and, upper-cased, the prefix of its environment variables.
        kind: litellm's name of its wire format.
        usual_model: the model that serves when nobody chose one; None when only a person can know it.
        api_base: where it is by default; None = where litellm knows it.
        auth: "key", or "none" for servers that want no credential.
    """

    name: str
    kind: str
    usual_model: str | None
    key_page_url: str | None = None
    status_page_url: str | None = None
    auth: str = "key"
    priority: int = 100
    api_base: str | None = None


SANDBOX: Final = "sandbox"

_KNOWN: Final = (
    KnownProvider("anthropic", "anthropic", "claude-sonnet-4-5", "https://console.anthropic.com/settings/keys",
                  "https://status.anthropic.com"),
    KnownProvider("openai", "openai", "gpt-4o-mini", "https://platform.openai.com/api-keys",
                  "https://status.openai.com"),
    KnownProvider("gemini", "gemini", "gemini-2.5-flash", "https://aistudio.google.com/app/apikey",
                  "https://aistudio.google.com/status"),
    KnownProvider("groq", "groq", "llama-3.3-70b-versatile", "https://console.groq.com/keys",
                  "https://groqstatus.com"),
    KnownProvider("mistral", "mistral", "mistral-small-latest", "https://console.mistral.ai/api-keys",
                  "https://status.mistral.ai"),
    KnownProvider("deepseek", "deepseek", "deepseek-chat", "https://platform.deepseek.com/api_keys",
                  "https://status.deepseek.com"),
    KnownProvider("openrouter", "openrouter", "openrouter/auto", "https://openrouter.ai/settings/keys",
                  "https://status.openrouter.ai"),
    KnownProvider("xai", "xai", "grok-3-mini", "https://console.x.ai", "https://status.x.ai"),
    KnownProvider("cerebras", "cerebras", "llama-3.3-70b", "https://cloud.cerebras.ai", "https://status.cerebras.ai"),
    KnownProvider("together", "together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo",
                  "https://api.together.ai/settings/api-keys", "https://status.together.ai"),
    KnownProvider("cohere", "cohere", "command-r-plus", "https://dashboard.cohere.com/api-keys",
                  "https://status.cohere.com"),
    KnownProvider("perplexity", "perplexity", "sonar", "https://www.perplexity.ai/settings/api",
                  "https://status.perplexity.com"),
    KnownProvider("fireworks", "fireworks_ai", "accounts/fireworks/models/llama-v3p3-70b-instruct",
                  "https://app.fireworks.ai/settings/users/api-keys", "https://status.fireworks.ai"),
    KnownProvider("nvidia", "nvidia_nim", "meta/llama-3.3-70b-instruct", "https://build.nvidia.com", None),
    KnownProvider("zai", "zai", "glm-4.5", "https://z.ai/manage-apikey/apikey-list", None),
    KnownProvider("ollama", "ollama_chat", None, None, None, auth="none", priority=500,
                  api_base="http://127.0.0.1:11434"),
    # Served only while no other provider has a key: an outage must never end in a made-up answer.
    KnownProvider(SANDBOX, "openai", "sandbox-model", None, None, priority=1000),
)  # fmt: skip

KNOWN_PROVIDERS: Final = {known.name: known for known in _KNOWN}

BUILT_IN_TOOLS: Final = ("current_time",)
"""Names of the tools every worker offers (workers/tools/registry.py); others come from modules (docs/tools.md)."""
