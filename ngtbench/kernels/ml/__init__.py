"""Kernels of the ml family."""
