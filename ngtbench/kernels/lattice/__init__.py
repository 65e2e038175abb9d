"""Kernels of the lattice family."""

from ngtbench.kernels.lattice.apply import staggered_dslash, wilson_dslash
from ngtbench.kernels.lattice.clover import clover_term
from ngtbench.kernels.lattice.invert import Solution, solve_wilson
from ngtbench.kernels.lattice.loops import average_plaquette, gauge_action, polyakov_loop, topological_charge

__all__ = [
    "Solution",
    "average_plaquette",
    "clover_term",
    "gauge_action",
    "polyakov_loop",
    "solve_wilson",
    "staggered_dslash",
    "topological_charge",
    "wilson_dslash",
]
