"""Matrix elements of given momenta, and of momenta that are made beside them: what the workloads time."""
