"""Keeps N workers alive: a controller that watches and decides, a forker that starts them (docs/adr/0010)."""
