"""Every Redis key of the service; the wake-up queue's names are the contract's (watchkeeper.contract)."""

from typing import Final

GENERATION: Final = "watchkeeper:generation"
"""String: the number of the newest configuration snapshot. A doorbell: its home is SQL. No TTL."""

KEY_STATES: Final = "watchkeeper:key-states"
"""Hash: subject (`key:<fingerprint>`, ...) -> JSON of its state. Healthy subjects have no field. No TTL."""
