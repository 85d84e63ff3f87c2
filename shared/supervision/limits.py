"""How long a worker process may live; settings `WATCHKEEPER_RECYCLE_*`. 0 = without limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """At which a worker is replaced. Its own are up to a fifth higher (scheduler.recycling_policy.stretched)."""

    jobs: int
    age_seconds: float
    rss_mb: int
    connections: int
    loop_lag_ms: int
    """Worst delay of the event loop in a heartbeat, three heartbeats in a row."""

    at_once: int
    """Workers of one supervisor that may be on their way out at a time."""
