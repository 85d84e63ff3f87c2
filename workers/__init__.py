"""Runs agent jobs: actor, agent loop, per-worker router."""
