"""Kernels of the system family."""
