"""Kernels of the lattice family."""
