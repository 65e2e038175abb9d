"""Workloads of the lattice family."""
