"""The wire formats of the providers, each read into and written from one neutral conversation."""
