"""Questions about jobs that more than one room asks."""
