"""A local provider with scripted faults, for the demo, drills, tests and benchmarks."""
