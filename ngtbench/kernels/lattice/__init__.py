"""Kernels of the lattice family."""

from ngtbench.kernels.lattice.wilson import wilson_dslash

__all__ = ["wilson_dslash"]
