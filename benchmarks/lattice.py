"""Lattice field theory."""

from ngtbench.adapters.asv import door

WilsonDslash = door("lattice/wilson_dslash")
CloverDslash = door("lattice/clover_dslash")
StaggeredDslash = door("lattice/staggered_dslash")
Solve = door("lattice/solve")
