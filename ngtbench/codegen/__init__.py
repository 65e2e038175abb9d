"""Kernels written once in Python: traced, written out for each processor, compiled and bound to arrays."""
