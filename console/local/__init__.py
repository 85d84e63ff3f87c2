"""The processes of one machine: the bundled store, and everything in one terminal."""
