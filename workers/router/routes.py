"""A snapshot made ready for one worker: chains resolved into candidates, secrets opened once."""

from dataclasses import dataclass

from shared.config.snapshot import Agent, Key, Model, Provider, Snapshot
from shared.keystate.standing import (
    egress_subject,
    key_model_subject,
    key_subject,
    model_subject,
    provider_subject,
)
from shared.secret import Secret
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to ask: a model with a key. `key` and `secret` are None for a provider without credentials.

    `subjects` are the key-state fields that can take it out of traffic.
    """

    provider: Provider
    model: Model
    key: Key | None
    secret: Secret | None
    subjects: tuple[str, ...]

    @property
    def label(self) -> str:
        """What people call the key."""
        return self.key.label if self.key else f"{self.provider.name} (no key)"


class Routes:
    """All agents' candidates in the order they are tried: model chain, then key priority. Immutable."""

    def __init__(self, snapshot: Snapshot, vault: Vault, host: str) -> None:
        """Open every key of the snapshot; `host` is where the attempts will start from.

        Raises:
            MasterKeyError: a secret cannot be opened.
        """
        self.generation = snapshot.generation
        self.snapshot = snapshot
        secrets = {key.fingerprint: vault.open(key.sealed) for key in snapshot.keys}
        self.secrets = tuple(secrets.values())
        of_model = {model.id: _candidates(snapshot, model, secrets, host) for model in snapshot.models.values()}
        self._candidates = {
            agent.name: tuple(candidate for model in agent.models for candidate in of_model.get(model, ()))
            for agent in snapshot.agents.values()
        }

    def agent(self, name: str) -> Agent | None:
        """The agent's definition; None when it was removed."""
        return self.snapshot.agents.get(name)

    def candidates(self, agent: str) -> tuple[Candidate, ...]:
        """Everything the agent may use, best first."""
        return self._candidates.get(agent, ())


def _candidates(snapshot: Snapshot, model: Model, secrets: dict[str, Secret], host: str) -> tuple[Candidate, ...]:
    provider = snapshot.providers[model.provider]
    for_all = (model_subject(model.id), provider_subject(provider.name), egress_subject(host, provider.name))
    if provider.auth == "none":
        return (Candidate(provider, model, None, None, for_all),)
    return tuple(
        Candidate(
            provider,
            model,
            key,
            secrets[key.fingerprint],
            (key_subject(key.fingerprint), key_model_subject(key.fingerprint, model.id), *for_all),
        )
        for key in snapshot.keys_of(provider.name)
    )
