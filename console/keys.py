"""Keys with what the fleet thinks of them, in words; and lifting what it thinks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, RowMapping, select

from console.spans import in_words
from shared.db.tables import provider_keys, providers
from shared.keystate.standing import KeyState, Standing, key_subject
from shared.keystate.store import FleetView, read_fleet_now
from shared.redis.names import KEY_STATES

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key for people. `state` is a KeyState, or "unknown" while Redis is away; `words` says it in full."""

    label: str
    provider: str
    mask: str
    source: str
    priority: int
    active: bool
    fingerprint: str
    state: str
    words: str
    cause: str | None
    until_ms: int | None


def view_fleet(client: "redis.Redis") -> FleetView | None:
    """The key states; None while Redis is away."""
    try:
        return read_fleet_now(client)
    except RedisError:
        return None


def list_keys(connection: Connection, view: FleetView | None) -> list[KeyView]:
    """Every key in the order it is tried."""
    rows = connection.execute(
        select(provider_keys, providers.c.active.label("provider_active"))
        .join(providers, providers.c.name == provider_keys.c.provider)
        .order_by(providers.c.priority, provider_keys.c.provider, provider_keys.c.priority, provider_keys.c.id)
    ).mappings()
    return [_describe(row, view) for row in rows]


def standings_of(fingerprint: str, standings: Mapping[str, Standing]) -> dict[str, Standing]:
    """The standings of a key, and of the key with single models, by subject."""
    with_models = f"key_model:{fingerprint}:"
    return {
        subject: standing
        for subject, standing in standings.items()
        if subject == key_subject(fingerprint) or subject.startswith(with_models)
    }


def release(client: "redis.Redis", fingerprint: str) -> int:
    """Forget why the key is set aside; how many standings that were.

    Raises:
        redis.exceptions.RedisError: Redis is away.
    """
    subjects = list(standings_of(fingerprint, read_fleet_now(client).standings))
    return int(client.hdel(KEY_STATES, *subjects)) if subjects else 0


def _describe(row: RowMapping, view: FleetView | None) -> KeyView:
    state, words, standing = _state(row, view)
    return KeyView(
        label=row["label"],
        provider=row["provider"],
        mask=row["mask"],
        source=row["source"],
        priority=row["priority"],
        active=row["active"],
        fingerprint=row["fingerprint"],
        state=state,
        words=words,
        cause=standing.cause if standing else None,
        until_ms=standing.until_ms if standing else None,
    )


def _state(row: RowMapping, view: FleetView | None) -> tuple[str, str, Standing | None]:
    if not row["active"]:
        return KeyState.DISABLED.value, "disabled by a person: `watchkeeper keys enable`", None
    if not row["provider_active"]:
        return KeyState.DISABLED.value, "its provider is inactive: `watchkeeper providers edit --active`", None
    if view is None:
        return UNKNOWN, "unknown: Redis is away", None
    standings = standings_of(row["fingerprint"], view.standings)
    own = standings.pop(key_subject(row["fingerprint"]), None)
    if own is not None and own.blocks(view.now_ms):
        return own.state.value, f"{own.state.value} {_why(own, view.now_ms)}", own
    limited = [
        f"not with {subject.split(':', 2)[2]}: {standing.state.value} {_why(standing, view.now_ms)}"
        for subject, standing in sorted(standings.items())
        if standing.blocks(view.now_ms)
    ]
    words = "ready"
    if own is not None:
        words = f"ready to be tried again (was {own.state.value}: {own.cause})"
    return KeyState.READY.value, "; ".join([words, *limited]), None


def _why(standing: Standing, now_ms: int) -> str:
    span = "until a person acts" if standing.until_ms is None else f"for {in_words(standing.until_ms - now_ms)}"
    times = f", {standing.strikes} times in a row" if standing.strikes > 1 else ""
    return f"{span} ({standing.cause}{times}): {standing.advice}"


def as_data(keys: list[KeyView]) -> list[dict[str, Any]]:
    """For JSON."""
    return [{name: getattr(key, name) for name in KeyView.__dataclass_fields__} for key in keys]
