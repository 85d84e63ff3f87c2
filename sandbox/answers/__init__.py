"""What providers really answer when they refuse: status, headers and bodies, kept as data."""
