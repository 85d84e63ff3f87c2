"""Which model with which key, on the newest configuration, never on one that is set aside (DESIGN 3-6)."""
