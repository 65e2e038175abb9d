"""Kernels of the scheduling family."""
