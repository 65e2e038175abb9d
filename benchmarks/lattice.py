"""Lattice field theory."""

from ngtbench.adapters.asv import door

WilsonDslash = door("lattice/wilson_dslash")
