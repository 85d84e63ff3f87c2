"""What the fleet knows about keys: who is set aside, why, and until when (DESIGN 4, 6)."""
