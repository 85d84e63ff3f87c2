"""Redis: how we connect, what our keys are called (docs/redis-keys.md)."""
