"""The only place that knows litellm: one call, one HTTP request, and what its failures really were."""
