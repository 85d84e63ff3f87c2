"""What a snapshot promises and cannot keep: an agent nobody can serve, a chain with a model without credentials.

Such a change is refused when it is published, not at the 103rd call (DESIGN 3). Only what a change brings about
counts: older faults are left to `watchkeeper config lint`, or nobody could mend one thing at a time.
"""

from dataclasses import dataclass

from shared.config.snapshot import Agent, Model, Snapshot
from shared.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Fault:
    """`model` None: nobody can serve the agent at all; otherwise its chain names a model without credentials."""

    agent: str
    model: str | None
    provider: str | None = None

    def __str__(self) -> str:
        if self.model is None:
            return (
                f"agents.{self.agent}: nobody could serve it: no active model of its chain has an active provider "
                "with an active key"
            )
        return (
            f"agents.{self.agent}.models: {self.model} has no credentials: provider {self.provider} has no active "
            f"key (`watchkeeper keys add {self.provider}`, or take the model out of the chain)"
        )


class Unservable(ConfigurationError):
    """A change would leave agents without anybody to ask."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("refused, nothing was stored:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = faults


def faults_of(snapshot: Snapshot) -> list[Fault]:
    """All of them, by agent. While nothing has credentials at all, `default` has no fault: there is nothing yet."""
    anything = any(_has_credentials(snapshot, model) for model in snapshot.models.values())
    found: list[Fault] = []
    for agent in snapshot.agents.values():
        chain = [snapshot.models[model] for model in agent.models if model in snapshot.models]
        if not anything and agent.name == "default":
            continue
        served = [model for model in chain if _has_credentials(snapshot, model)]
        if not served:
            found.append(Fault(agent.name, None))
        found += [Fault(agent.name, m.id, m.provider) for m in chain if not _has_credentials(snapshot, m)]
    return found


def unserved(snapshot: Snapshot) -> list[str]:
    """The agents nobody can serve; their jobs park."""
    return [agent.name for agent in snapshot.agents.values() if not _is_served(snapshot, agent)]


def new_faults(before: Snapshot, after: Snapshot) -> list[Fault]:
    """Those that `after` has and `before` had not."""
    known = set(faults_of(before))
    return [fault for fault in faults_of(after) if fault not in known]


def _is_served(snapshot: Snapshot, agent: Agent) -> bool:
    return any(
        _has_credentials(snapshot, snapshot.models[model]) for model in agent.models if model in snapshot.models
    )


def _has_credentials(snapshot: Snapshot, model: Model) -> bool:
    provider = snapshot.providers[model.provider]
    return provider.auth == "none" or bool(snapshot.keys_of(provider.name))
