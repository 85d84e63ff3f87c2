"""What is asked of a supervisor, and when a worker has lived long enough."""
