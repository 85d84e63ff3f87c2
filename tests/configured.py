"""A configuration put straight into the tables and published, as a person or the scheduler would."""

import json
from dataclasses import dataclass, field
from typing import Any

import redis
from sqlalchemy import Engine, delete, insert, select, update

from shared.config.environment_sync import Sealer
from shared.config.publishing import publish, ring
from shared.config.snapshot import Snapshot
from shared.db.reading import reading
from shared.db.tables import agents, installation, models, provider_keys, providers
from shared.secret import Secret, mask
from shared.vault import Vault, fingerprint
from watchkeeper.clock import db_now

MASTER_KEY = "d2F0Y2hrZWVwZXItdGVzdHMtbWFzdGVyLWtleS0wMDE="

PATHS = {
    "openai": "/openai/v1",
    "anthropic": "/anthropic",
    "gemini": "/gemini/v1beta",
    "groq": "/v1",
    "mistral": "/v1",
}
"""Where the sandbox speaks each wire format."""

MODELS = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5-20251001",
    "gemini": "gemini-2.5-flash",
    "groq": "llama-3.3-70b-versatile",
    "mistral": "mistral-small-latest",
}


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with one model, `<name>/model`; its keys are called `<name> key 1`, `<name> key 2`, ..."""

    name: str
    keys: tuple[str, ...]
    kind: str = "openai"


@dataclass(frozen=True, slots=True)
class Configured:
    """One installation's configuration."""

    engine: Engine
    redis: "redis.Redis"
    sandbox_url: str
    vault: Vault = field(default_factory=lambda: Vault([MASTER_KEY]))

    @property
    def sealer(self) -> Sealer:
        """Makes storable keys."""
        with reading(self.engine) as connection:
            return Sealer(self.vault, connection.execute(select(installation.c.fingerprint_salt)).scalar_one())

    def fingerprint(self, secret: str) -> str:
        """What the fleet calls a key."""
        return fingerprint(Secret(secret), self.sealer.salt)

    def publish(self, *found: Provider, **agent: Any) -> Snapshot:
        """Replace all providers, in the order they are tried; `agent` sets columns of the agent `default`."""
        sealer = self.sealer
        with self.engine.begin() as connection:
            connection.execute(delete(providers))
            for priority, provider in enumerate(found):
                connection.execute(insert(providers).values(self._provider(provider, priority)))
                connection.execute(insert(models).values(_model(provider)))
                for place, secret in enumerate(provider.keys, start=1):
                    connection.execute(
                        insert(provider_keys).values(
                            provider=provider.name,
                            label=f"{provider.name} key {place}",
                            sealed=sealer.vault.seal(Secret(secret)),
                            fingerprint=fingerprint(Secret(secret), sealer.salt),
                            mask=mask(secret),
                            priority=place,
                            source="database",
                            created_at=db_now(),
                        )
                    )
            if agent:
                stored = {name: json.dumps(value) if name == "tools" else value for name, value in agent.items()}
                connection.execute(update(agents).where(agents.c.name == "default").values(**stored))
            snapshot = publish(connection, author="test", comment="")
        assert snapshot is not None, "nothing changed"
        assert ring(self.redis, snapshot.generation)
        return snapshot

    def _provider(self, provider: Provider, priority: int) -> dict[str, Any]:
        return {
            "name": provider.name,
            "kind": provider.kind,
            "api_base": self.sandbox_url + PATHS[provider.kind],
            "auth": "key",
            "priority": priority,
            "source": "database",
        }


def _model(provider: Provider) -> dict[str, Any]:
    return {
        "id": f"{provider.name}/model",
        "display_name": provider.name,
        "type": "chat",
        "provider": provider.name,
        "remote_name": MODELS[provider.kind],
        "source": "database",
    }
