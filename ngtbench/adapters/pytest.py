"""Plugin of pytest: times the doors of `benchmarks/` with pytest-benchmark."""
