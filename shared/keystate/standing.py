"""The states of a key, a model or a provider, and how one is written down."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class KeyState(StrEnum):
    """What the fleet knows of a subject; `ready` is never stored. Who ends a state is said beside it.

    After its time a subject is due: one leased canary of the fleet may try it, success clears it.
    """

    READY = "ready"
    QUARANTINED = "quarantined"  # its time, then one success clears it; a new secret; `keys release`
    HELD = "held"  # its time (a probe, once the scheduler has them)
    COOLING = "cooling"  # its time: a rate limit's stated end
    EXHAUSTED = "exhausted"  # its time: the quota's reset
    SUSPENDED = "suspended"  # a person at the provider; looked at again after its time
    DISABLED = "disabled"  # `keys enable`
    OPEN = "open"  # a breaker, of a provider, its model, or the way out of one host: its time, then a canary


@dataclass(frozen=True, slots=True)
class Standing:
    """Why a subject (a key, or a key with one model) is set aside.

    Attributes:
        until_ms: when it may be tried again, milliseconds of Redis's clock; None = until a person acts.
        strikes: how many times in a row it was set aside for this state.
    """

    state: KeyState
    until_ms: int | None
    since_ms: int
    strikes: int
    cause: str
    advice: str

    def blocks(self, now_ms: int) -> bool:
        """True while nothing may be sent."""
        return self.until_ms is None or now_ms < self.until_ms

    def to_json(self) -> str:
        """As it is stored."""
        until_ms = -1 if self.until_ms is None else self.until_ms
        return json.dumps({**asdict(self), "until_ms": until_ms})

    @classmethod
    def parse(cls, text: str) -> "Standing":
        """The standing stored as `text`."""
        row = json.loads(text)
        return cls(
            state=KeyState(row["state"]),
            until_ms=row["until_ms"] if row["until_ms"] >= 0 else None,
            since_ms=row["since_ms"],
            strikes=row["strikes"],
            cause=row["cause"],
            advice=row["advice"],
        )


def key_subject(fingerprint: str) -> str:
    """The hash field of a key."""
    return f"key:{fingerprint}"


def key_model_subject(fingerprint: str, model_id: str) -> str:
    """The hash field of one key's use of one model."""
    return f"key_model:{fingerprint}:{model_id}"


def model_subject(model_id: str) -> str:
    """The hash field of a model, whichever key is used."""
    return f"model:{model_id}"


def provider_subject(provider: str) -> str:
    """The hash field of a provider's breaker."""
    return f"provider:{provider}"


def egress_subject(host: str, provider: str) -> str:
    """The hash field of the way from one host to a provider."""
    return f"egress:{host}:{provider}"
