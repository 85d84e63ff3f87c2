"""Is this Redis fit to hold wake-ups? Asked at start-up and by `doctor`."""

from dataclasses import dataclass

import redis


@dataclass(frozen=True, slots=True)
class RedisHealth:
    """What `INFO` and `CONFIG` told."""

    version: str
    eviction: str
    append_only: bool

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should change, each with the command that does it."""
        found = []
        if self.eviction not in ("noeviction", "unknown"):
            found.append(
                f"eviction is on ({self.eviction}): Redis may drop wake-ups and key states when memory is short; "
                "run `CONFIG SET maxmemory-policy noeviction` and set it in redis.conf"
            )
        if not self.append_only:
            found.append(
                "append-only is off: after a crash of Redis, jobs wait for the stager to wake them again (a second "
                "or two) and key states are forgotten; run `CONFIG SET appendonly yes`"
            )
        return tuple(found)


def check_redis(client: "redis.Redis") -> RedisHealth:
    """Read the server's health.

    Raises:
        redis.exceptions.RedisError: it does not answer.
    """
    memory = client.info("memory")
    persistence = client.info("persistence")
    server = client.info("server")
    return RedisHealth(
        version=str(server.get("valkey_version") or server.get("redis_version") or "unknown"),
        eviction=str(memory.get("maxmemory_policy", "unknown")),
        append_only=bool(persistence.get("aof_enabled", 0)),
    )
