"""Kernels of the lattice family."""

from ngtbench.kernels.lattice.clover import clover_term
from ngtbench.kernels.lattice.loops import average_plaquette, gauge_action, polyakov_loop, topological_charge
from ngtbench.kernels.lattice.wilson import wilson_dslash

__all__ = ["average_plaquette", "clover_term", "gauge_action", "polyakov_loop", "topological_charge", "wilson_dslash"]
