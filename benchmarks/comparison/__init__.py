"""The parts of `benchmarks/compare`: what a sidecar does, beside the same work sent straight to Redis."""
