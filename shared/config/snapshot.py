"""The immutable, numbered configuration a worker runs on."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Provider:
    """A place that serves models. `kind` is litellm's name of its wire format; lower `priority` comes first."""

    name: str
    kind: str
    api_base: str | None
    auth: str
    priority: int
    key_page_url: str | None = None
    status_page_url: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A credential of a provider, sealed. People know it by `label`, the fleet by `fingerprint`."""

    label: str
    provider: str
    sealed: str
    fingerprint: str
    mask: str
    priority: int
    source: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a provider. Prices are US dollars per million tokens; None = litellm's price list.

    `context_tokens` is what it reads at most; None = what litellm's list says.
    """

    id: str
    provider: str
    remote_name: str
    type: str
    input_usd_per_million: float | None = None
    output_usd_per_million: float | None = None
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """How an agent's jobs are run. `models` is the resolved chain, tried in order.

    `on_defaults`: it names no models of its own, the chain is the one of the defaults. `output_schema` is the JSON
    text of the schema its answers keep to; None = any text.
    """

    name: str
    system_prompt: str
    models: tuple[str, ...]
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    timeout_seconds: float
    tools: tuple[str, ...]
    max_steps: int
    on_outage: str
    on_defaults: bool = False
    output_schema: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything active, by name. `generation` 0 is the empty one before the first publish."""

    generation: int
    providers: dict[str, Provider] = field(default_factory=dict)
    keys: tuple[Key, ...] = ()
    models: dict[str, Model] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    def keys_of(self, provider: str) -> tuple[Key, ...]:
        """The provider's keys in the order they are tried."""
        return tuple(key for key in self.keys if key.provider == provider)

    @property
    def digest(self) -> str:
        """Equal for equal meaning: sealing the same secret again does not change it."""
        content = self._content()
        for key in content["keys"]:
            del key["sealed"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """What is stored; the generation stands beside it."""
        return json.dumps(self._content(), sort_keys=True)

    def _content(self) -> dict[str, Any]:
        return {
            "providers": [asdict(provider) for provider in self.providers.values()],
            "keys": [asdict(key) for key in self.keys],
            "models": [asdict(model) for model in self.models.values()],
            "agents": [asdict(agent) for agent in self.agents.values()],
            "defaults": self.defaults,
        }

    @classmethod
    def from_json(cls, generation: int, text: str) -> "Snapshot":
        """The snapshot stored as `text`.

        Raises:
            ValueError, KeyError, TypeError: it was written by code with another idea of a snapshot.
        """
        content = json.loads(text)
        agents = (
            Agent(**{**agent, "models": tuple(agent["models"]), "tools": tuple(agent["tools"])})
            for agent in content["agents"]
        )
        return cls(
            generation=generation,
            providers={row["name"]: Provider(**row) for row in content["providers"]},
            keys=tuple(Key(**row) for row in content["keys"]),
            models={row["id"]: Model(**row) for row in content["models"]},
            agents={agent.name: agent for agent in agents},
            defaults=content.get("defaults", {}),
        )
