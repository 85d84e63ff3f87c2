"""What may be wrong, found before it hurts: each check tells its result and the command that mends it."""
