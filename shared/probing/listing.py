"""Where each provider kind lists its models, and how a key is shown there. Listing costs nothing anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from shared.secret import Secret


@dataclass(frozen=True, slots=True)
class Listing:
    """How one kind lists its models.

    Attributes:
        base: where it is when no base address is configured; None = only a person can know.
        path: behind the base; None = this kind has no address that shows a key's worth for free.
        key_header: the header the key goes into, with `key_prefix` before it.
        root: the path begins at the host, whatever path the configured base has.
        public: the list is given to everybody, so it proves that the provider is reachable and nothing of the key.
    """

    base: str | None
    path: str | None = "/models"
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    headers: Mapping[str, str] = field(default_factory=dict)
    root: bool = False
    public: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One GET."""

    url: str
    headers: Mapping[str, str]


_OPENAI_LIKE: Final = Listing(None)
_NONE: Final = Listing(None, path=None)
_GOOGLE: Final = "https://generativelanguage.googleapis.com/v1beta"

_LISTINGS: Final[Mapping[str, Listing]] = {
    "openai": Listing("https://api.openai.com/v1"),
    "groq": Listing("https://api.groq.com/openai/v1"),
    "mistral": Listing("https://api.mistral.ai/v1"),
    "deepseek": Listing("https://api.deepseek.com"),
    "xai": Listing("https://api.x.ai/v1"),
    "cerebras": Listing("https://api.cerebras.ai/v1"),
    "together_ai": Listing("https://api.together.xyz/v1"),
    "fireworks_ai": Listing("https://api.fireworks.ai/inference/v1"),
    # Its list is public; this one answers only to a valid key.
    "openrouter": Listing("https://openrouter.ai/api/v1", path="/key"),
    "nvidia_nim": Listing("https://integrate.api.nvidia.com/v1", public=True),
    "cohere": Listing("https://api.cohere.com", path="/v1/models", root=True),
    "cohere_chat": Listing("https://api.cohere.com", path="/v1/models", root=True),
    "anthropic": Listing(
        "https://api.anthropic.com",
        path="/v1/models",
        key_header="x-api-key",
        key_prefix="",
        headers={"anthropic-version": "2023-06-01"},
    ),
    "gemini": Listing(_GOOGLE, key_header="x-goog-api-key", key_prefix=""),
    "azure": Listing(
        None, path="/openai/models?api-version=2024-10-21", key_header="api-key", key_prefix="", root=True
    ),
    "ollama": Listing("http://127.0.0.1:11434", path="/api/tags"),
    "ollama_chat": Listing("http://127.0.0.1:11434", path="/api/tags"),
    "perplexity": _NONE,
    "bedrock": _NONE,
    "vertex_ai": _NONE,
    "zai": _NONE,
}


def listing_of(kind: str) -> Listing:
    """How `kind` (litellm's name of a wire format) lists models; what we do not know speaks like OpenAI."""
    return _LISTINGS.get(kind, _OPENAI_LIKE)


def question(kind: str, api_base: str | None, secret: Secret | None) -> Question | None:
    """What to ask with `secret`; None when the kind has no such address, or nobody knows where it is."""
    listing = listing_of(kind)
    base = api_base or listing.base
    if base is None or listing.path is None:
        return None
    headers = dict(listing.headers)
    if secret is not None:
        headers[listing.key_header] = listing.key_prefix + secret.reveal()
    return Question(_joined(base, listing), headers)


def _joined(base: str, listing: Listing) -> str:
    path = listing.path or ""
    if listing.root:
        parts = urlsplit(base)
        return urlunsplit((parts.scheme, parts.netloc, "", "", "")) + path
    base = base.rstrip("/")
    first = path.split("/", 2)[1]
    # Some people write the version into Anthropic's base and some do not.
    return base + path.removeprefix(f"/{first}") if base.endswith(f"/{first}") else base + path
