"""Questions about jobs that more than one room asks, and the changes that people make to them."""
