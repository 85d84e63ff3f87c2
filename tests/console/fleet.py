"""What the fleet would have done to keys, and a Redis that is away."""

import json

from redis import Redis

from shared.redis.names import KEY_STATES
from tests.console.command_line import KEY, CommandLine

DEAD_REDIS = "redis://127.0.0.1:1/0"


def add(wk: CommandLine, *options: str, key: str = KEY) -> None:
    """Add a key of groq."""
    wk.ok("keys", "add", "groq", "--stdin", *options, stdin=f"{key}\n")


def set_aside(wk: CommandLine, fingerprint: str, *, until_ms: int, model: str | None = None) -> str:
    """Quarantine a key (with one model), as a worker would; returns the subject."""
    subject = f"key:{fingerprint}" if model is None else f"key_model:{fingerprint}:{model}"
    standing = {
        "state": "quarantined", "until_ms": until_ms, "since_ms": 0, "strikes": 2,
        "cause": "auth_invalid", "advice": "the provider rejected it",
    }  # fmt: skip
    wk.redis.hset(KEY_STATES, subject, json.dumps(standing))
    return subject


def now_ms(redis: Redis) -> int:
    """The time by Redis."""
    return int(redis.time()[0]) * 1000
