"""What is known of models without asking anybody: litellm's list, as it is installed."""

from dataclasses import dataclass
from typing import Any, Final

from workers.agent.counting import Encode
from workers.router.routes import Candidate

_COUNTED_EXACTLY: Final = frozenset({"openai", "azure"})
_MARGIN: Final = 1.2  # other tokenizers need up to about a fifth more tokens for the same text


@dataclass(frozen=True, slots=True)
class Formats:
    """What response formats are known to work with a model: a JSON schema, any JSON."""

    schema: bool
    json: bool


class ModelFacts:
    """Looks each model up once. One instance per process."""

    def __init__(self, litellm: Any) -> None:
        self._litellm = litellm
        self._contexts: dict[tuple[str, str], int | None] = {}
        self._formats: dict[tuple[str, str], Formats] = {}

    @property
    def encode(self) -> Encode:
        """Text to tokens. The first use reads the encoding's file (about 0.3 s of a thread's time)."""
        encode: Encode = self._litellm.encoding.encode_ordinary
        return encode

    def context_tokens(self, candidate: Candidate) -> int | None:
        """What the model reads at most: a person's number first, litellm's second; None = nobody knows."""
        if candidate.model.context_tokens is not None:
            return candidate.model.context_tokens
        name = _name(candidate)
        if name not in self._contexts:
            self._contexts[name] = self._entry(*name).get("max_input_tokens") or None
        return self._contexts[name]

    def margin(self, candidate: Candidate) -> float:
        """By how much a count may be too low for this model."""
        return 1.0 if candidate.provider.kind in _COUNTED_EXACTLY else _MARGIN

    def formats(self, candidate: Candidate) -> Formats:
        """The response formats it takes."""
        name = kind, remote_name = _name(candidate)
        if name not in self._formats:
            taken = self._litellm.get_supported_openai_params(model=remote_name, custom_llm_provider=kind) or ()
            schema = bool(self._entry(*name).get("supports_response_schema"))
            self._formats[name] = Formats(schema, "response_format" in taken)
        return self._formats[name]

    def _entry(self, kind: str, remote_name: str) -> Any:
        # Read straight from the list: litellm's own functions ask a local server (Ollama) over the network.
        listed = self._litellm.model_cost
        return listed.get(f"{kind}/{remote_name}") or listed.get(remote_name) or {}


def _name(candidate: Candidate) -> tuple[str, str]:
    return candidate.provider.kind, candidate.model.remote_name
