"""What people touch: the command line (later the HTTP API and the dashboard)."""
